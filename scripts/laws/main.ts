/**
 * The laws, for every connector of this repository and for connectors that are bad on purpose.
 * `npm run laws`, with `-- --json` for a program to read, and `-- --only smtp` for some of them.
 *
 * It ends with 1 if a connector breaks a law or leaves one untried, or if a bad one does not break what it is
 * there to break.
 */
import { Console, Effect, Exit, type Scope } from "effect"
import { Command, Flag } from "effect/cli"
import * as Laws from "fibric/testing/laws"
import * as Harness from "../harness/command.ts"
import { door } from "../../test/connectors/door-subject.ts"
import { httpEncrypted, httpHold, httpLookup, httpResend } from "../../test/connectors/http-subject.ts"
import { orders } from "../../test/connectors/orders-subject.ts"
import { slack } from "../../test/connectors/slack-subject.ts"
import { sms } from "../../test/connectors/sms-subject.ts"
import { smtp, smtpEncrypted } from "../../test/connectors/smtp-subject.ts"
import { stripeLookup, stripeRefund, stripeResend } from "../../test/connectors/stripe-subject.ts"
import { aedes, type Broker, mosquitto, mosquittoPath } from "../../test/support/brokers.ts"
import { bad, honest } from "../../test/testing/laws/habits.ts"

const tried = <C extends Laws.Triable, S extends Laws.Server>(subject: Laws.Subject<C, S>) => ({
  name: subject.name,
  report: Laws.run(subject)
})

const behind = (name: string, broker: Effect.Effect<Broker, never, Scope.Scope>) => ({
  name,
  report: Effect.scoped(Effect.flatMap(broker, (broker) => Laws.run(door(broker))))
})

/**
 * The connectors of this repository. One that needs more than its server brings its report; the door over
 * MQTT 5 is tried where its broker is installed.
 */
const connectors = [
  tried(smtp),
  tried(smtpEncrypted),
  tried(httpHold),
  tried(httpEncrypted),
  tried(httpResend),
  tried(httpLookup),
  tried(stripeResend),
  tried(stripeLookup),
  tried(stripeRefund),
  tried(slack),
  tried(sms),
  behind("door over aedes, MQTT 3.1.1", aedes()),
  ...(mosquittoPath === undefined ? [] : [behind("door over mosquitto, MQTT 5", mosquitto())]),
  orders
]

/** How many are tried at a time: they wait for silences most of the time. */
const atATime = 3

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

/** A connector of this repository has something to try every law with. */
const untriedIn = (report: Laws.Report): ReadonlyArray<string> =>
  Laws.tally(report)
    .filter(({ outcome }) => outcome === "untried")
    .map(({ law }) => `${report.subject} brings nothing to try "${law}" with`)

type Tell = (report: Laws.Report) => Effect.Effect<void>

/** Something on trial, and the laws that it has to break. */
interface OnTrial<E> {
  readonly name: string
  readonly report: Effect.Effect<Laws.Report, E>
  readonly breaks?: ReadonlyArray<Laws.LawName>
}

const tryAll = <E>(all: ReadonlyArray<OnTrial<E>>, only: ReadonlyArray<string>, tell: Tell) =>
  Effect.forEach(
    all.filter(({ name }) => only.length === 0 || only.includes(name)),
    ({ breaks = [], report }) =>
      Effect.map(Effect.tap(report, tell), (report) => ({ report, surprises: surprisesOf(report, breaks) })),
    { concurrency: atATime }
  )

const brokenIn = (report: Laws.Report) => ({
  name: report.subject,
  trials: report.trials,
  broken: Laws.brokenLaws(report).length
})

/** Every law by name, the same for all: `passed` is one that was tried, and never seen broken. */
const lawsOf = (report: Laws.Report) =>
  Laws.tally(report).map(({ law, outcome, ...counted }) => ({
    law,
    passed: outcome === "held",
    outcome,
    ...counted
  }))

const run = Effect.fnUntraced(function* (only: ReadonlyArray<string>, tell: Tell) {
  const own = yield* tryAll(connectors, only, tell)
  const good = yield* tryAll(honest, only, tell)
  const caught = yield* tryAll(bad, only, tell)
  const all = [...own, ...good, ...caught]
  return {
    connectors: own.map(({ report }) => ({ ...brokenIn(report), laws: lawsOf(report) })),
    honest: good.map(({ report }) => brokenIn(report)),
    bad: caught.map(({ report }) => ({ name: report.subject, broken: Laws.brokenLaws(report) })),
    surprises: [
      ...all.flatMap(({ surprises }) => surprises),
      ...own.flatMap(({ report }) => untriedIn(report)),
      ...(all.length === 0 ? [`none of them is named ${only.join(" or ")}`] : [])
    ]
  }
})

const laws = Command.make(
  "laws",
  {
    json: Harness.json,
    only: Flag.String("only").pipe(
      Flag.withDescription("The name of one to try, of whatever kind; can be given more than once"),
      Flag.between(0, 100)
    )
  },
  Effect.fn(function* ({ json, only }) {
    const seen = yield* run(only, (report) =>
      json ? Effect.void : Console.log(`${Laws.describe(report)}\n`)
    )
    if (json) yield* Console.log(JSON.stringify(seen))
    else {
      const [good, bad] = [seen.connectors.length + seen.honest.length, seen.bad.length]
      yield* Console.log(`${good} connectors and ${bad} bad ones tried, ${seen.surprises.length} surprises`)
    }
    if (seen.surprises.length > 0) return yield* new Harness.Surprised({ surprises: seen.surprises })
  })
).pipe(Command.withDescription("Cuts the wire of every connector at every packet, and judges what it claims"))

Harness.run(laws, {
  // A connection that was cut in the middle of its handshake may still be held by a server of a trial.
  teardown: (exit) => process.exit(Exit.isSuccess(exit) ? 0 : 1)
})
