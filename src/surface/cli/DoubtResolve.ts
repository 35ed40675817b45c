/**
 * `fibric doubt resolve`: a person's verdict on one attempt, by name and with a reason.
 *
 * The ledger compares and sets: a verdict on an attempt that another one has followed, or on a key that
 * has been settled meanwhile, is refused and changes nothing.
 */
import { Console, Effect, Option, Result, Schema } from "effect"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Operator from "../../domain/Operator.ts"
import { Ledger } from "../../kernel/Ledger.ts"
import { Settings } from "../../kernel/Settings.ts"
import { ruled } from "../../kernel/Verdicts.ts"
import { print, receiptDocument } from "./documents.ts"
import { key } from "./DoubtShow.ts"
import { onlyOne } from "./KeyName.ts"
import { by, json, reason } from "./options.ts"
import { OutputUnusable, VerdictUnconfirmed } from "./refusals.ts"
import { printable, table } from "./Text.ts"
import {
  canBeTooEarly,
  consequences,
  meanings,
  rulingOf,
  type VerdictName,
  verdictNames
} from "./VerdictName.ts"

const attempt = Flag.Int("attempt").pipe(
  Flag.withMetavar("N"),
  Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  Flag.withDescription(
    "The attempt that it is about, as list and show name it; a later one is not settled by it"
  )
)

const verdict = Flag.Literals("verdict", verdictNames).pipe(
  Flag.withMetavar("WORD"),
  Flag.withDescription("What became of it, in one of the words above")
)

const output = Flag.String("output").pipe(
  Flag.withMetavar("JSON"),
  Flag.optional,
  Flag.withDescription(
    "With happened: what the provider gave, for whoever asks. It is not compared with the capability's schema here: where it does not fit, they get none"
  )
)

const force = Flag.Boolean("force").pipe(
  Flag.withoutNegation,
  Flag.withDefault(false),
  Flag.withDescription(
    "With release and abandon: says it although the request may still be on its way, and may yet happen"
  )
)

export const doubtResolve = Command.make(
  "resolve",
  { key, attempt, verdict, by, reason, output, force, json },
  Effect.fn("Cli.doubtResolve")(function* ({ attempt, by, force, json, key: name, output, reason, verdict }) {
    const body = yield* Option.match(output, { onNone: () => Effect.succeed(null), onSome: bodyOf })
    const ledger = yield* Ledger
    const { key } = yield* onlyOne(name)
    const receipt = yield* ruled(ledger, key, rulingOf(verdict, body), { attempt, reason, force }).pipe(
      Operator.as(by),
      Effect.catchTag("LedgerUnavailable", (error) =>
        Effect.fail(new VerdictUnconfirmed({ name, reason: error.reason }))
      )
    )
    if (json) return yield* print(receiptDocument(receipt))
    yield* Console.log(
      printable(
        `"${receipt.key}", attempt ${receipt.attempt}: ${receipt.outcome} by ${receipt.operator}, receipt ${receipt.id}. ${consequences[verdict]}`
      )
    )
  })
).pipe(
  Command.withDescription(
    [
      "Record what became of an attempt, by name and with a reason. Where the key is no longer on that",
      "attempt or in that state, it is refused and nothing is changed.",
      "",
      ...table(
        ["VERDICT", "MEANING"],
        verdictNames.map((name) => [name, meanings[name]])
      )
    ].join("\n  ")
  ),
  Command.withShortDescription("Record what became of an attempt, by name and with a reason"),
  Command.withExamples([
    {
      command: `fibric doubt resolve notify:order-4471:shipped --attempt 1 --verdict happened --by dana --reason "seen in her mailbox" --output '{"messageId":"m-1"}'`,
      description: "It happened, and this is what the provider gave"
    },
    {
      command: `fibric doubt resolve notify:order-4471:shipped --attempt 1 --verdict release --by dana --reason "not in the provider's log"`,
      description: "It did not: whoever asks next performs it"
    }
  ])
)

/** Options that say nothing with a verdict are refused first: whoever gave them meant another one. */
export const checkTogether = ({
  force,
  output,
  verdict
}: {
  readonly force: boolean
  readonly output: Option.Option<string>
  readonly verdict: VerdictName
}): Effect.Effect<void, CliError.ShowHelp> => {
  if (Option.isSome(output) && verdict !== "happened") {
    return misunderstood(`--output has no meaning with --verdict ${verdict}`)
  }
  if (force && !canBeTooEarly(verdict)) {
    return misunderstood(`--force has no meaning with --verdict ${verdict}`)
  }
  return Effect.void
}

const misunderstood = (message: string) =>
  Effect.fail(
    new CliError.ShowHelp({
      commandPath: ["fibric", "doubt", "resolve"],
      errors: [new CliError.ValidationError({ message })]
    })
  )

const parseJson = (text: string): Result.Result<unknown, OutputUnusable> =>
  Result.try({
    try: (): unknown => JSON.parse(text),
    catch: (error) =>
      new OutputUnusable({
        problem: `is not JSON (${error instanceof Error ? error.message : "unreadable"})`
      })
  })

/** The JSON text to store: as `JSON` writes it, so that any text in it can be stored. */
const bodyOf = Effect.fnUntraced(function* (text: string) {
  const { maxOutputBytes } = yield* Settings
  const body = JSON.stringify(yield* Effect.fromResult(parseJson(text)))
  const bytes = Buffer.byteLength(body)
  if (bytes > maxOutputBytes) {
    return yield* new OutputUnusable({ problem: `has ${bytes} bytes, more than ${maxOutputBytes}` })
  }
  return body
})
