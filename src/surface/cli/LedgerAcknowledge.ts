/**
 * `fibric ledger acknowledge`: a person says that the ledger goes on at another server than before.
 *
 * After a failover or a restore fibric refuses to start, because rows that were committed may be
 * missing. Whoever says this has looked what is missing, or takes the risk.
 */
import { Console, Context, Effect } from "effect"
import * as Command from "effect/cli/Command"
import type { StartRefused } from "../../domain/errors.ts"
import { print } from "./documents.ts"
import { by, json, reason } from "./options.ts"

/** A server: the cluster that it is, and how often that has been promoted or restored. */
export interface Identity {
  readonly system: string
  readonly timeline: string
}

/** What an acknowledgement changed; nothing was recorded before where the fields are `null`. */
export interface Acknowledged {
  readonly before: { readonly system: string | null; readonly timeline: string | null }
  readonly now: Identity
}

/** The server that the ledger is on, as the ledger's own record of it. */
export class ServerRecord extends Context.Service<
  ServerRecord,
  {
    /** Records, in somebody's name, that the ledger goes on at the server that it is now on. Logged. */
    readonly acknowledge: (statement: {
      readonly operator: string
      readonly reason: string
    }) => Effect.Effect<Acknowledged, StartRefused>
  }
>()("fibric/surface/cli/ServerRecord") {}

export const ledgerAcknowledge = Command.make(
  "acknowledge",
  { by, reason, json },
  Effect.fn("Cli.ledgerAcknowledge")(function* ({ by, json, reason }) {
    const server = yield* ServerRecord
    const acknowledged = yield* server.acknowledge({ operator: by, reason })
    if (json) return yield* print(acknowledged)
    const { before, now } = acknowledged
    const same = before.system === now.system && before.timeline === now.timeline
    yield* Console.log(
      same
        ? `The ledger is where it was: system ${now.system}, timeline ${now.timeline}. There was nothing to acknowledge.`
        : `The ledger goes on at system ${now.system}, timeline ${now.timeline} (before: ${before.system ?? "none"}, ${before.timeline ?? "none"}). fibric starts on it again.`
    )
  })
).pipe(
  Command.withDescription(
    "Let fibric start again on a server that is not the one before, after a failover or a restore. What was lost stays lost: a key that is missing can be performed again."
  ),
  Command.withShortDescription("Let fibric start again after a failover or a restore")
)
