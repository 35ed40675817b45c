/**
 * `fibric verify` and `fibric head`: whether the receipts are what was written, and what to keep elsewhere
 * so that their end can be checked too.
 */
import { Console, Effect, Option, Schema } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Head, sentenceOf, type Verification } from "../../domain/Seal.ts"
import { Seals } from "../../kernel/Seals.ts"
import { print } from "./documents.ts"
import { json } from "./options.ts"
import { HeadUnreadable, Tampered } from "./refusals.ts"

const head = Flag.FileText("head").pipe(
  Flag.withMetavar("FILE"),
  Flag.optional,
  Flag.withDescription("A head that fibric head printed before: with it a tail that was cut off is found")
)

const decodeHead = Schema.decodeEffect(Schema.fromJsonString(Head))

export const verify = Command.make(
  "verify",
  { head, json },
  Effect.fn("Cli.verify")(function* ({ head, json }) {
    const seals = yield* Seals
    const exported = Option.isNone(head)
      ? undefined
      : yield* Effect.mapError(decodeHead(head.value), () => new HeadUnreadable())
    const verification = yield* seals.verify(exported)
    if (json) yield* print(verification)
    else yield* Effect.forEach(linesOf(verification), (line) => Console.log(line), { discard: true })
    const { length } = verification.findings
    if (length > 0) return yield* new Tampered({ findings: length })
  })
).pipe(
  Command.withDescription(
    "Read all sealed receipts and compare them with their seals: finds what was changed, deleted, added or moved. A tail that was cut off is found only with --head. Ends with 1 where something was found."
  ),
  Command.withShortDescription("Check the receipts against their seals"),
  Command.withExamples([
    {
      command: "fibric head > head.json",
      description: "Keep the head where the ledger's owner can't reach it"
    },
    {
      command: "fibric verify --head head.json",
      description: "Later: all receipts, up to the end and beyond"
    }
  ])
)

export const headCommand = Command.make(
  "head",
  {},
  Effect.fn("Cli.head")(function* () {
    const seals = yield* Seals
    yield* print(yield* seals.head)
  })
).pipe(
  Command.withDescription(
    "Print the end of the chain of seals as JSON, to be kept elsewhere: verify --head checks against it that nothing was cut off."
  ),
  Command.withShortDescription("Print the end of the chain, to be kept elsewhere")
)

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`

const linesOf = (verification: Verification): ReadonlyArray<string> => [
  ...verification.findings.map(sentenceOf),
  `${plural(verification.seals, "seal")} over ${plural(verification.rows, "receipt")}, which stand for ${plural(verification.receipts, "request")}${verification.findings.length === 0 ? ": all as they were sealed" : ""}.`,
  `${plural(verification.unsealed, "receipt")} came later and ${verification.unsealed === 1 ? "is" : "are"} not sealed yet.`,
  verification.tail === "checked"
    ? "The end was compared with the head that was given."
    : "Whether the tail was cut off can't be told without a head that was kept elsewhere: verify --head FILE."
]
