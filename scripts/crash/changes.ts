/**
 * The intended changes of the crash harness: the same one for each recovery that a capability can
 * declare, and the connector that makes it. The victim and the surviving process share this code.
 */
import { Effect, Option, Schema } from "effect"
import {
  Capability,
  Connector,
  Entity,
  type ExecuteError,
  type Executor,
  execute,
  LedgerTransaction,
  OutcomeUnknown,
  type Performed,
  Recovery,
  Settings
} from "fibric"
import type { OutsideWorld } from "./OutsideWorld.ts"
import type { RecoveryName } from "./table.ts"

const Subject = Entity.make("subject")

const common = {
  entity: Subject,
  payload: { subject: Schema.String },
  success: Schema.Struct({ effect: Schema.String }),
  occasion: () => "crash",
  deadline: "5 seconds",
  stores: ["subject"] as const
} as const

const Hold = Capability.make("hold", { ...common, recovery: Recovery.hold })

const Resend = Capability.make("resend", {
  ...common,
  recovery: Recovery.resend({ window: "1 hour", backoff: "200 millis" })
})

const Lookup = Capability.make("lookup", {
  ...common,
  recovery: Recovery.lookup({ lag: "1 second", every: "200 millis" })
})

const Transactional = Capability.make("transactional", { ...common, recovery: Recovery.transactional })

// One mark for each capability: the parameter distributes.
type HandlerOf<Name extends string> = Name extends string ? Connector.Handler<Name> : never

type Asking = Effect.Effect<
  Performed<(typeof common.success)["Type"]>,
  ExecuteError,
  Executor | HandlerOf<RecoveryName>
>

/** Asks for a recovery's change of a subject. */
export const ask = (recovery: RecoveryName, subject: string): Asking => {
  const at = Subject.at(subject)
  switch (recovery) {
    case "hold":
      return execute(Hold.propose(at, { subject }))
    case "resend":
      return execute(Resend.propose(at, { subject }))
    case "lookup":
      return execute(Lookup.propose(at, { subject }))
    case "transactional":
      return execute(Transactional.propose(at, { subject }))
  }
}

const unknown = ({ message }: { readonly message: string }) => new OutcomeUnknown({ reason: message })

/**
 * Carries the changes out. `acknowledged` runs when the world has done it and said so, and before the
 * kernel hears of it.
 */
export const layerConnector = (world: OutsideWorld, acknowledged: Effect.Effect<void> = Effect.void) => {
  const order =
    (honour: boolean) =>
    ({ subject }: { readonly subject: string }, { key }: { readonly key: string }) =>
      world.perform({ key, subject, honour }).pipe(
        Effect.mapError(unknown),
        Effect.tap(() => acknowledged),
        Effect.map((effect) => ({ effect }))
      )
  return Connector.make("world", Hold, Resend, Lookup, Transactional).toLayer({
    hold: order(false),
    resend: order(true),
    lookup: {
      perform: order(false),
      lookup: ({ subject }, { key }) =>
        Effect.map(world.lookUp(key, subject), (effect) =>
          Option.map(Option.fromNullOr(effect), (effect) => ({ effect }))
        )
    },
    transactional: ({ subject }) =>
      Effect.gen(function* () {
        const sql = yield* LedgerTransaction
        yield* sql`INSERT INTO crash_effect (subject) VALUES (${subject})`
        yield* acknowledged
        return { effect: subject }
      }).pipe(Effect.mapError(unknown))
  })
}

/** A victim is given up on soon after its last heartbeat, so that a trial is short. */
export const victimSettings = Settings.layer({
  leaseMillis: 1_500,
  beatMillis: 300,
  reapMillis: 1_000,
  doubtMarginMillis: 1_000
})

/** The survivor looks often, and stays alive on a busy machine. */
export const survivorSettings = Settings.layer({
  leaseMillis: 10_000,
  beatMillis: 1_000,
  reapMillis: 200,
  recoverMillis: 200,
  doubtMarginMillis: 1_000,
  maxPollMillis: 200
})
