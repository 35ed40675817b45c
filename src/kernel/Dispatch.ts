/**
 * Dispatch: one attempt, from its claim to its settlement. The only module that opens a connector.
 *
 * The claim is durable before the first byte leaves. The call runs in a fiber of its own, which no
 * caller can interrupt; at the deadline the key is in doubt and the lane goes on, while the call is
 * listened to for a bounded grace.
 */
import { Effect, Fiber, Option, Schedule, type Scope } from "effect"
import { NotPerformed } from "../domain/connector-errors.ts"
import { LedgerUnavailable } from "../domain/errors.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import type { Ask, Program } from "./Ask.ts"
import type * as Calls from "./Calls.ts"
import { type Along, confirmRetry } from "./Claiming.ts"
import { Connectors } from "./Connectors.ts"
import * as Evidence from "./Evidence.ts"
import { Inside } from "./Inside.ts"
import { type Applied, type ClaimVerdict, Ledger } from "./Ledger.ts"
import { retried } from "./Retrying.ts"
import { type Call, type Functions, open, type ProgramCall } from "./Sealed.ts"
import { withoutSecrets } from "./Secrets.ts"
import { Settings } from "./Settings.ts"
import { stopwatch } from "./Stopwatch.ts"
import { emit } from "./telemetry/Events.ts"
import { traced } from "./telemetry/Spans.ts"
import * as Transaction from "./Transaction.ts"
import { type Attempt, Workers } from "./Workers.ts"

/** A settlement is tried until it is confirmed or the runtime closes: the effect has happened. */
const settleRetry = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("2 seconds")])

/** What is carried out: an ask's, or a doubt's as it was stored. */
export type Job = Pick<Ask, "capability" | "key" | "lane" | "name" | "payload" | "secrets">

/** An attempt that the ledger has given us. */
type Claimed = ClaimVerdict & { readonly _tag: "Claimed" }

export interface Options {
  /** What listens for late results lives in it. */
  readonly scope: Scope.Scope
  readonly calls: Calls.Calls
  /** How a program performs its steps. */
  readonly steps: (program: Program, operator: string) => ProgramCall["perform"]
}

/** What may go with an attempt. */
export interface With {
  readonly operator: string
  /** The claim of the entity's next action, to go along with this one's settlement. */
  readonly nextAlong?: Effect.Effect<Along | undefined>
}

/** Carries out attempts. */
export const make = Effect.fnUntraced(function* ({ calls, scope, steps }: Options) {
  const ledger = yield* Ledger
  const workers = yield* Workers
  const connectors = yield* Connectors
  const settings = yield* Settings

  /** Carries an attempt out. `undefined`: its key has been settled otherwise; look at it again. */
  const perform = (job: Job, attempt: Attempt, claimed: Claimed, along: With) =>
    traced("Dispatch.perform", performOf(job, attempt, claimed, along))

  const performOf = (job: Job, attempt: Attempt, claimed: Claimed, { nextAlong, operator }: With) =>
    Effect.flatMap(workers.mayStart(attempt), (mayStart) => {
      if (!mayStart) {
        return conclude(job, attempt, Evidence.neverStarted("this process was paused for too long"), 0)
      }
      return job.capability.recovery._tag === "Transactional"
        ? performTransaction(job, attempt, claimed)
        : performCall(job, attempt, claimed, operator, nextAlong)
    })

  const performCall = Effect.fnUntraced(function* (
    job: Job,
    attempt: Attempt,
    claimed: Claimed,
    operator: string,
    nextAlong: Effect.Effect<Along | undefined> | undefined
  ) {
    const { capability } = job
    const elapsedMillis = yield* stopwatch
    const request = callOf(job, claimed)
    const isProgram = capability.recovery._tag === "Replay"
    const given = isProgram
      ? { ...request, perform: steps({ key: job.key, lane: job.lane, token: attempt.token }, operator) }
      : request
    const call = yield* calls.start(
      withFunctions(job, ({ perform }) => Transaction.none(perform(job.payload, given)))
    )
    const exit = yield* calls.within(call, capability.deadlineMillis)
    const evidence =
      exit === undefined
        ? Evidence.unknown(`no answer within ${capability.deadlineMillis} ms`)
        : Evidence.fromExit(capability, exit, settings.maxOutputBytes)
    const concluded = yield* conclude(job, attempt, evidence, yield* elapsedMillis, nextAlong)
    if (exit === undefined) yield* Effect.forkIn(listenLate(job, attempt, call, elapsedMillis), scope)
    return concluded
  })

  /** The effect commits with its settlement or not at all; at the deadline it is taken back. */
  const performTransaction = Effect.fnUntraced(function* (job: Job, attempt: Attempt, claimed: Claimed) {
    const { capability } = job
    const elapsedMillis = yield* stopwatch
    const receiptId = yield* Identifiers.ordered
    const ended = Effect.gen(function* () {
      const exit = yield* Effect.exit(
        withFunctions(job, ({ perform }) => perform(job.payload, callOf(job, claimed)))
      )
      const evidence = Evidence.fromExit(capability, exit, settings.maxOutputBytes)
      return {
        evidence: withoutSecrets(evidence, job.secrets),
        durationMillis: Math.round(yield* elapsedMillis)
      }
    })
    const transaction = ledger.transact({ key: job.key, token: attempt.token, receiptId }, ended)
    // An unknown commit: all of it runs again, and finds its own settlement if it had landed.
    const call = yield* calls.start(Effect.retry(transaction, confirmRetry))
    const exit = yield* calls.within(call, capability.deadlineMillis)
    const outcome = Transaction.outcomeOf(exit, capability.deadlineMillis)
    if (outcome._tag === "Settled") return outcome.receipt
    if (outcome._tag === "Fenced") return undefined
    if (exit !== undefined) return yield* conclude(job, attempt, outcome.evidence, yield* elapsedMillis)
    // It may hold its row for a while yet, if it can't be interrupted: the lane does not wait for that.
    call.interruptUnsafe()
    // Nor does a connection: the row can't be had before the call has ended.
    const takenBack = Effect.andThen(
      Fiber.await(call),
      settle(job, attempt, outcome.evidence, yield* elapsedMillis)
    )
    yield* Effect.forkIn(takenBack, scope)
    return undefined
  })

  /** Asks the provider what became of a call. Fails with why it could not be asked. */
  const lookup = (
    job: Job,
    claimed: { readonly attempt: number; readonly generation: number }
  ): Effect.Effect<{ readonly body: string; readonly effectId: string | null } | null, string> =>
    Effect.gen(function* () {
      const call = yield* calls.start(
        withFunctions(job, ({ lookup }) =>
          lookup === undefined
            ? Effect.fail("its connector has no lookup")
            : lookup(job.payload, callOf(job, claimed))
        )
      )
      const exit = yield* calls.within(call, job.capability.deadlineMillis)
      if (exit === undefined) {
        call.interruptUnsafe()
        return yield* Effect.fail(`no answer within ${job.capability.deadlineMillis} ms`)
      }
      return yield* Effect.fromResult(Evidence.fromLookup(job.capability, exit, settings.maxOutputBytes))
    })

  /** Uses the connector's functions; while it does, the connector does not close. */
  const withFunctions = <A, E, R>(
    { capability, key }: Job,
    use: (functions: Functions) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | NotPerformed, R> =>
    connectors.holding(capability.name, (sealed): Effect.Effect<A, E | NotPerformed, R> => {
      const functions = sealed && open(sealed, capability)
      if (functions !== undefined) return Effect.provideService(use(functions), Inside, key)
      const reason = `no connector of this runtime carries out "${capability.name}"`
      return Effect.fail(new NotPerformed({ proof: "never_started", reason }))
    })

  const conclude = Effect.fnUntraced(function* (
    job: Job,
    attempt: Attempt,
    evidence: Evidence.Evidence,
    durationMillis: number,
    nextAlong: Effect.Effect<Along | undefined> = Effect.undefined
  ) {
    const applied = yield* settle(job, attempt, evidence, durationMillis, nextAlong)
    if (applied._tag === "Refused" && (applied.why === "unknown_key" || applied.why === "unknown_token")) {
      // Looking again would find the key free and send once more, against what is known here.
      const reason =
        "it no longer knows this attempt, as after a failover that lost rows; it may have happened"
      yield* emit("fibric.ledger.lost_attempt", {
        "fibric.key": job.key.label,
        "fibric.evidence": evidence._tag,
        "fibric.reason": reason
      })
      return yield* new LedgerUnavailable({ operation: "settle", reason })
    }
    // A duplicate's receipt is no answer: the one that stands is.
    const stands = applied._tag === "Settled" && applied.receipt.outcome !== "duplicate_observed"
    if (!stands) return undefined
    const { receipt } = applied
    const stopped = job.capability.recovery._tag === "Replay" && receipt.outcome === "in_doubt"
    return stopped ? ((yield* endRun(job, receipt.attempt)) ?? receipt) : receipt
  })

  /** A program that stopped is free again, unless one of its steps is open: then it waits with that. */
  const endRun = Effect.fnUntraced(function* ({ key }: Job, attempt: number) {
    const receiptId = yield* Identifiers.ordered
    const event = { _tag: "RunEnded", attempt } as const
    const ended = yield* Effect.option(Effect.retry(ledger.apply(key, event, receiptId), confirmRetry))
    return Option.isSome(ended) && ended.value._tag === "Settled" ? ended.value.receipt : undefined
  })

  const settle = Effect.fnUntraced(function* (
    { key, secrets }: Job,
    { lane, stateOf, token }: Attempt,
    learned: Evidence.Evidence,
    durationMillis: number,
    nextAlong: Effect.Effect<Along | undefined> = Effect.undefined
  ): Effect.fn.Return<Applied> {
    const receiptId = yield* Identifiers.ordered
    const evidence = withoutSecrets(learned, secrets)
    const settlement = {
      key,
      token,
      receiptId,
      evidence,
      stateOf,
      lane,
      durationMillis: Math.round(durationMillis)
    }
    const next = evidence._tag === "Unknown" ? undefined : yield* nextAlong
    // The schedule has no end: what is left of the error is for the compiler.
    if (next === undefined) {
      return yield* Effect.orDie(retried(ledger.settle(settlement), settleRetry))
    }
    // From the second try on the first one may have landed, and its answer was lost.
    next.mayHaveLanded = true
    let tries = 0
    const statement = Effect.suspend(() => {
      tries += 1
      return ledger.settleAndClaim(settlement, next.claim)
    })
    const { applied, claimed } = yield* Effect.orDie(retried(statement, settleRetry))
    next.mayHaveLanded = tries > 1
    next.claimed = claimed && { _tag: "Claimed", ...claimed }
    return applied
  })

  /** The call outlived its deadline. What it says within the grace is evidence all the same. */
  const listenLate = Effect.fnUntraced(function* (
    job: Job,
    attempt: Attempt,
    call: Fiber.Fiber<unknown, unknown>,
    elapsedMillis: Effect.Effect<number>
  ) {
    const exit = yield* calls.within(call, settings.graceMillis)
    if (exit === undefined) {
      call.interruptUnsafe()
      return
    }
    const evidence = Evidence.fromExit(job.capability, exit, settings.maxOutputBytes)
    if (evidence._tag !== "Unknown") yield* settle(job, attempt, evidence, yield* elapsedMillis)
  })

  return { perform, lookup }
})

const callOf = (
  { capability, key, name }: Job,
  { attempt, generation }: { readonly attempt: number; readonly generation: number }
): Call => ({
  key: `fibric-${name}-${generation}`,
  entity: key.entity,
  attempt,
  deadlineMillis: capability.deadlineMillis
})
