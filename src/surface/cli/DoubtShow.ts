/**
 * `fibric doubt show`: all that is known of a key, in whatever state it is, and what a person can say
 * about it now.
 */
import { Console, DateTime, Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import type { Inspection } from "../../kernel/Ledger.ts"
import type { State } from "../../kernel/lifecycle/Lifecycle.ts"
import { instant, keyDocument, print, recoveryName } from "./documents.ts"
import { hashOf, named, typeable } from "./KeyName.ts"
import { json } from "./options.ts"
import { fields, printable, table } from "./Text.ts"
import { allowed, canBeTooEarly, commandFor, meanings } from "./VerdictName.ts"

/** A key as a person names it. */
export const key = Argument.String("key").pipe(
  Argument.withDescription(
    "The key's label (notify:order-4471:shipped), its whole hash, or the id from doubt list"
  )
)

export const doubtShow = Command.make(
  "show",
  { key, json },
  Effect.fn("Cli.doubtShow")(function* ({ json, key }) {
    const found = yield* named(key)
    const isUnique = found.length === 1
    if (json) {
      return yield* print(found.map((one) => keyDocument(one, verdictsOn(one, isUnique))))
    }
    if (!isUnique) {
      yield* Console.log(
        `${found.length} different keys have the name "${printable(key)}". Say which one you mean with its hash.\n`
      )
    }
    const parts = found.map((one) => linesOf(one, isUnique).join("\n"))
    yield* Console.log(parts.join("\n\n"))
  })
).pipe(
  Command.withDescription(
    "Show a key with all of its attempts, and what can be said about it now, as commands to type."
  ),
  Command.withShortDescription("Show a key with its attempts, and what can be said about it"),
  Command.withExamples([
    { command: "fibric doubt show notify:order-4471:shipped", description: "By its label" }
  ])
)

/** The verdicts that the key's state allows, on its current attempt. */
const verdictsOn = (inspection: Inspection, isUnique: boolean) => {
  const attempt = currentOf(inspection)
  const name = typeable(inspection, isUnique)
  return allowed(inspection.state).map((verdict) => ({
    verdict,
    command: commandFor(verdict, name, attempt)
  }))
}

const currentOf = ({ attempts }: Inspection): number => attempts.at(-1)?.attempt ?? 0

/** Where the key stands, in a sentence. */
const standings: Readonly<Record<State, string>> = {
  performing: "It is under way. If nothing is heard of it in time, it becomes doubtful by itself.",
  in_doubt: "It was sent, and nobody knows whether it happened. Look at the provider before deciding.",
  released: "Nothing was performed, as far as is known, and the key is free: whoever asks performs it.",
  refused: "The provider refused it, and whoever asks gets that refusal.",
  done: "It happened. There is nothing to decide.",
  abandoned: "It was given up: the key is spent, and whoever asks is told so."
}

const linesOf = (inspection: Inspection, isUnique: boolean): ReadonlyArray<string> => [
  printable(inspection.key.label),
  ...fields(factsOf(inspection)),
  "",
  ...attemptsOf(inspection).map((line) => `  ${line}`),
  "",
  standings[inspection.state],
  ...verdictsOn(inspection, isUnique).flatMap(({ command, verdict }) => [
    "",
    `${meanings[verdict]}.${canBeTooEarly(verdict) ? " Needs --force while the request may still be on its way." : ""}`,
    `  ${command}`
  ])
]

const factsOf = ({ checkAfter, key, receipt, since, state }: Inspection) => {
  const always: ReadonlyArray<readonly [string, string]> = [
    ["hash", hashOf(key)],
    ["entity", `${key.entity.type} ${key.entity.id}`],
    ["state", `${state}, since ${DateTime.formatIso(since)}`]
  ]
  const look = checkAfter === null ? [] : [["check after", DateTime.formatIso(checkAfter)] as const]
  const standing =
    receipt === null
      ? []
      : [
          ["receipt", `${receipt.id}, ${receipt.outcome}, by ${receipt.operator}`] as const,
          ...(receipt.reason === null ? [] : [["reason", receipt.reason] as const]),
          ...(receipt.body === null ? [] : [["answer", receipt.body] as const])
        ]
  return [...always, ...look, ...standing]
}

const attemptsOf = ({ attempts }: Inspection): ReadonlyArray<string> =>
  table(
    ["ATTEMPT", "GENERATION", "CLAIMED AT", "RECOVERY", "EVIDENCE"],
    attempts.map((attempt) => [
      String(attempt.attempt),
      String(attempt.generation),
      instant(DateTime.makeUnsafe(attempt.claimedAtMillis)) ?? "",
      recoveryName(attempt.recovery),
      attempt.evidence ?? "none"
    ])
  )
