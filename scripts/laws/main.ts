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
import { httpReports } from "../../test/connectors/http-subject.ts"
import { smtp, smtpEncrypted } from "../../test/connectors/smtp-subject.ts"
import { stripeReports } from "../../test/connectors/stripe-subject.ts"
import { bad, honest } from "../../test/testing/laws/habits.ts"

/** Something is not as it has to be. */
class Surprised extends Schema.TaggedError<Surprised>()("Surprised", {
  surprises: Schema.Array(Schema.String)
}) {
  override get message() {
    return `Not as it has to be:\n  ${this.surprises.join("\n  ")}`
  }
}

/** The connectors of this repository. */
const connectors = [Laws.run(smtp), Laws.run(smtpEncrypted), ...httpReports, ...stripeReports]

const surprisesOf = (report: Laws.Report, expected: ReadonlyArray<Laws.LawName>): ReadonlyArray<string> => {
  const broken = Laws.brokenLaws(report)
  return [
    ...broken
      .filter((law) => !expected.includes(law))
      .map((law) => `${report.subject} breaks "${law}":\n${Laws.describe(report)}`),
    ...expected
      .filter((law) => !broken.includes(law))
      .map((law) => `${report.subject} was not caught by "${law}", which is there for it`),
    // Sizes of packets may differ a little from trial to trial.
    ...(report.cuts < report.trials * 0.9
      ? [`${report.subject}: only ${report.cuts} of ${report.trials} trials lost anything`]
      : [])
  ]
}

type Tell = (report: Laws.Report) => Effect.Effect<void>

/** Tries connectors one after the other: each has the machine for its trials. */
const tryAll = <A extends { readonly report: Effect.Effect<Laws.Report, Laws.SubjectUnfit> }>(
  all: ReadonlyArray<A>,
  breaks: (one: A) => ReadonlyArray<Laws.LawName>,
  tell: Tell
) =>
  Effect.forEach(all, (one) =>
    Effect.map(Effect.tap(one.report, tell), (report) => ({
      name: report.subject,
      trials: report.trials,
      broken: Laws.brokenLaws(report),
      surprises: surprisesOf(report, breaks(one))
    }))
  )

const run = Effect.fnUntraced(function* (tell: Tell) {
  const tried = yield* tryAll(
    connectors.map((report) => ({ report })),
    () => [],
    tell
  )
  const good = yield* tryAll(honest, () => [], tell)
  const caught = yield* tryAll(bad, ({ breaks }) => breaks, tell)
  const counted = ({ broken, name, trials }: (typeof tried)[number]) => ({
    name,
    trials,
    broken: broken.length
  })
  return {
    connectors: tried.map(counted),
    honest: good.map(counted),
    bad: caught.map(({ broken, name }) => ({ name, broken })),
    surprises: [...tried, ...good, ...caught].flatMap(({ surprises }) => surprises)
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
      const [good, bad] = [seen.connectors.length + seen.honest.length, seen.bad.length]
      yield* Console.log(`${good} connectors and ${bad} bad ones tried, ${seen.surprises.length} surprises`)
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
