/**
 * `fibric ledger seal`, `purge` and `grant`: what the ledger's owner, or a role for nothing else, has done.
 */
import { Console, Duration, Effect, Schema } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { monthsAhead, mostReceipts } from "../../kernel/Keeper.ts"
import { Retention } from "../../kernel/Retention.ts"
import { roleKinds, Roles } from "../../kernel/Roles.ts"
import { Seals } from "../../kernel/Seals.ts"
import { print } from "./documents.ts"
import { olderThan } from "./filters.ts"
import { json } from "./options.ts"

export const ledgerSeal = Command.make(
  "seal",
  {
    olderThan: olderThan(
      "5 minutes",
      "Only receipts of this age; younger ones are left (default: 5 minutes)"
    ),
    json
  },
  Effect.fn("Cli.ledgerSeal")(function* ({ json, olderThan }) {
    const seals = yield* Seals
    const made = { seals: 0, rows: 0, receipts: 0, folded: 0 }
    const next = seals.sealNext(Duration.toMillis(olderThan), mostReceipts)
    for (let sealed = yield* next; sealed !== undefined; sealed = yield* next) {
      made.seals += 1
      made.rows += sealed.rows
      made.receipts += sealed.receipts
      made.folded += sealed.folded
    }
    const months = yield* (yield* Retention).makeMonths(monthsAhead)
    if (json) return yield* print({ ...made, months })
    yield* Console.log(
      `${made.seals} seals made, over ${made.rows} receipts that stand for ${made.receipts} requests; ${made.folded} rows were folded. Months made: ${months.length === 0 ? "none was missing" : months.join(", ")}.`
    )
  })
).pipe(
  Command.withDescription(
    "Fold and seal what is old enough, and make the months ahead. A running fibric does both by itself, unless its role may not."
  ),
  Command.withShortDescription("Fold and seal what is old enough")
)

export const ledgerPurge = Command.make(
  "purge",
  {
    olderThan: olderThan("30 days", "Bodies of this age (default: 30 days)"),
    json
  },
  Effect.fn("Cli.ledgerPurge")(function* ({ json, olderThan }) {
    const retention = yield* Retention
    const purged = yield* retention.purge(Duration.toMillis(olderThan))
    if (json) return yield* print(purged)
    yield* Console.log(
      `${purged.bodies} bodies were purged, and the stored payloads of ${purged.requests} keys. ${purged.pinned} bodies stay, because their keys are under way or in doubt. Every receipt is there as before, and seals hold.`
    )
  })
).pipe(
  Command.withDescription(
    "Empty the bodies of receipts (what connectors answered and refused with) and the payloads stored for their keys, once they are old. What is in doubt keeps all. A key stays known for ever: asked again it is answered, without its output."
  ),
  Command.withShortDescription("Empty old bodies and stored payloads")
)

const kind = Argument.Literals("kind", roleKinds).pipe(
  Argument.withDescription(
    "runtime (fibric itself), proposer (applications that propose), sealer (ledger seal), purger (ledger purge) or reader (receipts, verify, head)"
  )
)

const to = Flag.String("to").pipe(
  Flag.withMetavar("ROLE"),
  Flag.withSchema(Schema.NonEmptyString),
  Flag.withDescription("The database role, which is there already")
)

export const ledgerGrant = Command.make(
  "grant",
  { kind, to, json },
  Effect.fn("Cli.ledgerGrant")(function* ({ json, kind, to }) {
    const roles = yield* Roles
    const statements = yield* roles.grant(kind, to)
    if (json) return yield* print(statements)
    yield* Effect.forEach(statements, (statement) => Console.log(`${statement};`), { discard: true })
  })
).pipe(
  Command.withDescription(
    "Grant a database role what it needs for one kind of work, and no more. Run it as the owner of the schema, again after each new version; prints the statements."
  ),
  Command.withShortDescription("Grant a role what one kind of work needs")
)
