/**
 * The laws, for every connector of this repository and for connectors that are bad on purpose.
 * `npm run laws`, with `-- --json` for a program to read.
 *
 * It ends with 1 if a connector breaks a law, or if a bad one does not break what it is there to break.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Logger, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Laws from "fibric/testing/laws"
import { smtp } from "../../test/connectors/smtp-subject.ts"
import { bad, honest } from "../../test/testing/laws/habits.ts"

/** Something is not as it has to be. */
class Surprised extends Schema.TaggedError<Surprised>()("Surprised", {
  surprises: Schema.Array(Schema.String)
}) {
  override get message() {
    return `Not as it has to be:\n  ${this.surprises.join("\n  ")}`
  }
}

/** The connectors of this repository, and the honest ones that the bad ones are made of. */
const lawful: ReadonlyArray<{
  readonly name: string
  readonly report: Effect.Effect<Laws.Report, Laws.SubjectUnfit>
}> = [{ name: "smtp", report: Laws.run(smtp) }, ...honest]

const surprisesOf = (report: Laws.Report, expected: ReadonlyArray<Laws.LawName>): ReadonlyArray<string> => {
  const broken = Laws.brokenLaws(report)
  return [
    ...broken
      .filter((law) => !expected.includes(law))
      .map((law) => `${report.subject} breaks "${law}":\n${Laws.describe(report)}`),
    ...expected
      .filter((law) => !broken.includes(law))
      .map((law) => `${report.subject} was not caught by "${law}", which is there for it`),
    ...(report.cuts < report.trials - 2
      ? [`${report.subject}: only ${report.cuts} of ${report.trials} trials lost anything`]
      : [])
  ]
}

const run = Effect.fnUntraced(function* (tell: (report: Laws.Report) => Effect.Effect<void>) {
  const connectors: Array<Laws.Report> = []
  const caught: Array<Laws.Report> = []
  const surprises: Array<string> = []
  for (const { report } of lawful) {
    const found = yield* Effect.tap(report, tell)
    connectors.push(found)
    surprises.push(...surprisesOf(found, []))
  }
  for (const { breaks, report } of bad) {
    const found = yield* Effect.tap(report, tell)
    caught.push(found)
    surprises.push(...surprisesOf(found, breaks))
  }
  return {
    connectors: connectors.map((report) => ({
      name: report.subject,
      trials: report.trials,
      broken: Laws.brokenLaws(report).length
    })),
    bad: caught.map((report) => ({ name: report.subject, broken: Laws.brokenLaws(report) })),
    surprises
  }
})

const laws = Command.make(
  "laws",
  {
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print the numbers as one line of JSON"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ json }) {
    const seen = yield* run((report) => (json ? Effect.void : Console.log(`${Laws.describe(report)}\n`)))
    if (json) yield* Console.log(JSON.stringify(seen))
    else {
      yield* Console.log(`${seen.connectors.length} connectors tried, ${seen.bad.length} bad ones caught`)
    }
    if (seen.surprises.length > 0) return yield* new Surprised({ surprises: seen.surprises })
  })
).pipe(Command.withDescription("Cuts the wire of every connector at every packet, and judges what it claims"))

/** Whatever went wrong, in one sentence. Somebody who interrupts knows why it ended. */
const complain = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  return Console.error(error instanceof Error ? error.message : String(error))
}

Command.run(laws, { version: "0.1.0" }).pipe(
  Effect.tapCause(complain),
  Effect.provide([NodeServices.layer, Logger.layer([])]),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
