/**
 * `fibric doubt list`: what nobody knows, the oldest first.
 */
import { Console, Effect, Option, Schema } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { type Doubt, Ledger } from "../../kernel/Ledger.ts"
import { doubtDocument, instant, print, recoveryName } from "./documents.ts"
import { maxDoubts, shortOf } from "./KeyName.ts"
import { json } from "./options.ts"
import { age, cut, printable, table } from "./Text.ts"

const limit = Flag.Int("limit").pipe(
  Flag.withMetavar("N"),
  Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxDoubts }))),
  Flag.withDefault(50),
  Flag.withDescription(`How many at most, the oldest; up to ${maxDoubts} (default: 50)`)
)

const capability = Flag.String("capability").pipe(
  Flag.withMetavar("NAME"),
  Flag.optional,
  Flag.withDescription(`Only those of this verb, among the oldest ${maxDoubts} of all`)
)

export const doubtList = Command.make(
  "list",
  { limit, capability, json },
  Effect.fn("Cli.doubtList")(function* ({ capability, json, limit }) {
    const ledger = yield* Ledger
    // One more than is looked through tells whether there are more.
    const oldest = yield* ledger.doubts((Option.isSome(capability) ? maxDoubts : limit) + 1)
    const wanted = Option.isNone(capability)
      ? oldest
      : oldest.slice(0, maxDoubts).filter((doubt) => doubt.capability === capability.value)
    if (Option.isSome(capability) && oldest.length > maxDoubts) {
      yield* Console.error(`Only the oldest ${maxDoubts} doubts were looked through; there are more.`)
    }
    const shown = wanted.slice(0, limit)
    if (json) return yield* print(shown.map(doubtDocument))
    if (shown.length === 0) return yield* Console.log("Nothing is in doubt.")
    yield* Effect.forEach(linesOf(shown), (line) => Console.log(line), { discard: true })
    if (wanted.length > limit) yield* Console.log(`There are more than these ${limit}; --limit shows more.`)
  })
).pipe(
  Command.withDescription(
    "List what is in doubt: sent, perhaps performed, and no outcome known. The oldest first."
  ),
  Command.withShortDescription("List what is in doubt, the oldest first"),
  Command.withExamples([
    { command: "fibric doubt list", description: "What a person may have to decide" },
    { command: "fibric doubt list --capability notify --json", description: "One verb's, for a script" }
  ])
)

/** The reason is cut here; `doubt show` has all of it. */
const maxReason = 100

const linesOf = (doubts: ReadonlyArray<Doubt>): ReadonlyArray<string> =>
  table(
    [
      "ID",
      "SINCE",
      "AGE",
      "KEY",
      "ATTEMPT",
      "CAPABILITY",
      "RECOVERY",
      "CHECK AFTER",
      "PROPOSED BY",
      "REASON"
    ],
    doubts.map((doubt) => [
      shortOf(doubt.key),
      instant(doubt.since) ?? "",
      age(doubt.readAtMillis - doubt.since.epochMilliseconds),
      doubt.key.label,
      String(doubt.attempt),
      doubt.capability,
      recoveryName(doubt.recovery),
      instant(doubt.checkAfter) ?? "-",
      doubt.operator,
      cut(printable(doubt.reason), maxReason)
    ])
  )
