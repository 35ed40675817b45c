/**
 * asking: how the impatient ask. They wait a moment, read the silence as failure, and ask again in other
 * words.
 *
 * The same code runs in this process and in the worker; a `Job` says how much of it.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Option, Schema } from "effect"
import {
  type Connector,
  type ExecuteError,
  type Executor,
  execute,
  Operator,
  type Performed,
  type StartRefused
} from "fibric"
import type { Sent, SmtpRefused } from "fibric/connectors/smtp"
import { kernel } from "./shop.ts"
import { Notify, Order } from "./messaging.ts"

/** What an asker hears. Silence is what it makes of an answer that takes too long. */
export const Answer = Schema.TaggedUnion({
  Receipt: { id: Schema.String },
  InDoubt: { attempt: Schema.Int },
  Silence: {}
})
export type Answer = typeof Answer.Type

/** One process's part of a flood, on a kernel that is started for it and closed after it. */
export const Job = Schema.Struct({
  smtpPort: Schema.Int,
  leaseMillis: Schema.optionalKey(Schema.Int),
  order: Schema.String,
  to: Schema.String,
  /** How many loops ask at once. */
  loops: Schema.Int,
  patienceMillis: Schema.Int,
  /** How often each loop asks, in rounds with a pause before each. */
  rounds: Schema.Array(Schema.Struct({ afterMillis: Schema.Int, times: Schema.Int }))
})
export type Job = typeof Job.Type

/** Why a job could not be done: fibric did not start, or an answer that no story expects. */
export type JobError = StartRefused | Schema.SchemaError | SmtpRefused | ExecuteError

/** Starts a kernel, asks as the job says, and closes the kernel. Every request has landed then. */
export const carryOut = (
  job: Job,
  beforeRound: (round: number) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<ReadonlyArray<Answer>, JobError, PgClient.PgClient> =>
  Effect.gen(function* () {
    const answers: Array<Answer> = []
    for (const [index, { afterMillis, times }] of job.rounds.entries()) {
      yield* Effect.sleep(afterMillis)
      yield* beforeRound(index)
      answers.push(...(yield* inLoops(job.loops, times, (n) => notify(job, n))))
    }
    return answers
  }).pipe(Effect.provide(kernel(job)))

/** Several loops at once, each asking `times`, one request after the other. */
export const inLoops = <E, R>(
  loops: number,
  times: number,
  request: (n: number) => Effect.Effect<Answer, E, R>
): Effect.Effect<ReadonlyArray<Answer>, E, R> =>
  Effect.map(
    Effect.forEach(
      Array.from({ length: loops }, (_, loop) => loop),
      (loop) => Effect.forEach(Array.from({ length: times }), (_, turn) => request(loop * times + turn)),
      { concurrency: "unbounded" }
    ),
    (answers) => answers.flat()
  )

/** Asks once and waits no longer than that. What fibric does about it goes on all the same. */
export const ask = <R>(
  request: Effect.Effect<Performed<Sent>, SmtpRefused | ExecuteError, R>,
  patienceMillis: number
): Effect.Effect<Answer, SmtpRefused | ExecuteError, R> =>
  request.pipe(
    Operator.as("shipping-agent"),
    Effect.map(({ receipt }): Answer => Answer.cases.Receipt.make({ id: receipt.id })),
    Effect.catchTag("InDoubt", ({ attempt }) =>
      Effect.succeed<Answer>(Answer.cases.InDoubt.make({ attempt }))
    ),
    Effect.timeoutOption(patienceMillis),
    Effect.map(Option.getOrElse((): Answer => Answer.cases.Silence.make({})))
  )

const notify = (
  { order, patienceMillis, to }: Job,
  n: number
): Effect.Effect<Answer, SmtpRefused | ExecuteError, Executor | Connector.Handler<"notify">> =>
  ask(execute(Notify.propose(Order.at(order), { event: "shipped", to, text: wording(n) })), patienceMillis)

const wordings = [
  "Your order has left our house.",
  "Good news: your parcel is on its way!",
  "We have handed your order to the carrier.",
  "It is on the road. Your order should be with you soon."
] as const

/** The words that the n-th request is made in: a model finds others each time. */
export const wording = (n: number): string => wordings[n % wordings.length] ?? wordings[0]
