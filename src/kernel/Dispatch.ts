/**
 * Dispatch: one attempt, from its claim to its settlement. The only module that opens a connector.
 *
 * The claim is durable before the first byte leaves. The call runs in a fiber of its own, which no
 * caller can interrupt; at the deadline the key is in doubt and the lane goes on, while the call is
 * listened to for a bounded grace.
 */
import { Clock, Effect, Fiber, Option, Schedule, type Scope } from "effect"
import { NotPerformed } from "../domain/connector-errors.ts"
import { LedgerUnavailable } from "../domain/errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import type { Ask } from "./Ask.ts"
import * as Calls from "./Calls.ts"
import { Connectors } from "./Connectors.ts"
import * as Evidence from "./Evidence.ts"
import { type Applied, type ClaimVerdict, Ledger, type NewAttempt } from "./Ledger.ts"
import { type Call, type Functions, open } from "./Sealed.ts"
import { Settings } from "./Settings.ts"
import { stopwatch } from "./Stopwatch.ts"
import * as Transaction from "./Transaction.ts"
import { type Attempt, Workers } from "./Workers.ts"

/** How often a statement with no answer is repeated before it counts as unconfirmed. */
export const confirmRetry = Schedule.exponential("50 millis").pipe(Schedule.upTo({ times: 5 }))

/** A settlement is tried until it is confirmed or the runtime closes: the effect has happened. */
const settleRetry = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("2 seconds")])

/** What is carried out: an ask's, or a doubt's as it was stored. */
export type Job = Pick<Ask, "capability" | "key" | "name" | "payload">

/** Claims and carries out attempts. What listens for late results lives in `scope`. */
export const make = Effect.fnUntraced(function* (scope: Scope.Scope) {
  const ledger = yield* Ledger
  const workers = yield* Workers
  const connectors = yield* Connectors
  const settings = yield* Settings
  const calls = yield* Calls.make

  /** An unknown commit is settled by running the same statement again, never by reading. */
  const confirm = Effect.fnUntraced(function* <Verdict extends { readonly _tag: string }>(
    { capability, key }: Omit<Job, "payload">,
    seenAttempt: number,
    startWithinMillis: number,
    statement: (attempt: NewAttempt) => Effect.Effect<Verdict, LedgerUnavailable>
  ) {
    const attempt: Attempt = {
      key,
      token: yield* Identifiers.token,
      worker: yield* workers.incarnation,
      seenAttempt,
      claimSentNanos: yield* Clock.monotonicTimeNanos,
      doubtAfterMillis: capability.deadlineMillis + settings.doubtMarginMillis,
      startWithinMillis
    }
    let tries = 0
    const tried = Effect.suspend(() => {
      tries += 1
      return statement(attempt)
    })
    const verdict = yield* Effect.tapError(Effect.retry(tried, confirmRetry), () => workers.giveUp(attempt))
    // An earlier copy may have landed unheard, and been called doubtful since.
    if (tries > 1 && verdict._tag !== "Claimed") yield* workers.giveUp(attempt)
    return { attempt, verdict }
  })

  const claim = (ask: Ask, seenAttempt: number) =>
    confirm(ask, seenAttempt, Infinity, ({ doubtAfterMillis, key, token, worker }) =>
      ledger.claim({
        key,
        token,
        worker,
        seenAttempt,
        doubtAfterMillis,
        operator: ask.operator,
        fingerprint: ask.fingerprint,
        paths: Fingerprint.pathHashes(ask.bound, ledger.pathSecret),
        doubtHoldsLane: ask.capability.doubtHoldsLane,
        recovery: ask.capability.recovery,
        deadlineMillis: ask.capability.deadlineMillis,
        request: ask.request
      })
    )

  /** Claimed inside the window less its margin, so it must start within the margin. */
  const claimAgain = (job: Job, seenAttempt: number, marginMillis: number) =>
    confirm(job, seenAttempt, marginMillis, ledger.resend)

  /** Carries an attempt out. `undefined`: its key has been settled otherwise; look at it again. */
  const perform = Effect.fn("Dispatch.perform")(function* (
    job: Job,
    attempt: Attempt,
    claimed: ClaimVerdict & { readonly _tag: "Claimed" }
  ) {
    if (!(yield* workers.mayStart(attempt))) {
      return yield* conclude(job, attempt, Evidence.neverStarted("this process was paused for too long"), 0)
    }
    const run =
      job.capability.recovery._tag === "Transactional"
        ? performTransaction(job, attempt, claimed)
        : performCall(job, attempt, claimed)
    return yield* run
  })

  const performCall = Effect.fnUntraced(function* (
    job: Job,
    attempt: Attempt,
    claimed: { readonly attempt: number; readonly generation: number }
  ) {
    const { capability } = job
    const elapsedMillis = yield* stopwatch
    const call = yield* calls.start(
      withFunctions(job, ({ perform }) => Transaction.none(perform(job.payload, callOf(job, claimed))))
    )
    const exit = yield* Effect.timeoutOption(Fiber.await(call), capability.deadlineMillis)
    const evidence = Option.match(exit, {
      onNone: () => Evidence.unknown(`no answer within ${capability.deadlineMillis} ms`),
      onSome: (exit) => Evidence.fromExit(capability, exit, settings.maxOutputBytes)
    })
    const concluded = yield* conclude(job, attempt, evidence, yield* elapsedMillis)
    if (Option.isNone(exit)) yield* Effect.forkIn(listenLate(job, attempt, call, elapsedMillis), scope)
    return concluded
  })

  /** The effect commits with its settlement or not at all; at the deadline it is taken back. */
  const performTransaction = Effect.fnUntraced(function* (
    job: Job,
    attempt: Attempt,
    claimed: { readonly attempt: number; readonly generation: number }
  ) {
    const { capability } = job
    const elapsedMillis = yield* stopwatch
    const receiptId = yield* Identifiers.ordered
    const ended = Effect.gen(function* () {
      const exit = yield* Effect.exit(
        withFunctions(job, ({ perform }) => perform(job.payload, callOf(job, claimed)))
      )
      return {
        evidence: Evidence.fromExit(capability, exit, settings.maxOutputBytes),
        durationMillis: Math.round(yield* elapsedMillis)
      }
    })
    const transaction = ledger.transact({ key: job.key, token: attempt.token, receiptId }, ended)
    // An unknown commit: all of it runs again, and finds its own settlement if it had landed.
    const call = yield* calls.start(Effect.retry(transaction, confirmRetry))
    const exit = yield* Effect.timeoutOption(Fiber.await(call), capability.deadlineMillis)
    const outcome = Transaction.outcomeOf(exit, capability.deadlineMillis)
    if (outcome._tag === "Settled") return outcome.receipt
    if (outcome._tag === "Fenced") return undefined
    if (Option.isSome(exit)) return yield* conclude(job, attempt, outcome.evidence, yield* elapsedMillis)
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
      const exit = yield* Effect.timeoutOption(Fiber.await(call), job.capability.deadlineMillis)
      if (Option.isNone(exit)) {
        call.interruptUnsafe()
        return yield* Effect.fail(`no answer within ${job.capability.deadlineMillis} ms`)
      }
      return yield* Effect.fromResult(
        Evidence.fromLookup(job.capability, exit.value, settings.maxOutputBytes)
      )
    })

  /** Uses the connector's functions; while it does, the connector does not close. */
  const withFunctions = <A, E, R>(
    { capability }: Job,
    use: (functions: Functions) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | NotPerformed, R> =>
    connectors.holding(capability.name, (sealed): Effect.Effect<A, E | NotPerformed, R> => {
      const functions = sealed && open(sealed, capability)
      if (functions !== undefined) return use(functions)
      const reason = `no connector of this runtime carries out "${capability.name}"`
      return Effect.fail(new NotPerformed({ proof: "never_started", reason }))
    })

  const conclude = Effect.fnUntraced(function* (
    job: Job,
    attempt: Attempt,
    evidence: Evidence.Evidence,
    durationMillis: number
  ) {
    const applied = yield* settle(job, attempt, evidence, durationMillis)
    if (applied._tag === "Refused" && (applied.why === "unknown_key" || applied.why === "unknown_token")) {
      // Looking again would find the key free and send once more, against what is known here.
      const reason =
        "it no longer knows this attempt, as after a failover that lost rows; it may have happened"
      yield* Effect.annotateLogs(Effect.logError("fibric.ledger.lost_attempt", reason), {
        "fibric.key": job.key.label,
        "fibric.evidence": evidence._tag
      })
      return yield* new LedgerUnavailable({ operation: "settle", reason })
    }
    // A duplicate's receipt is no answer: the one that stands is.
    const stands = applied._tag === "Settled" && applied.receipt.outcome !== "duplicate_observed"
    return stands ? applied.receipt : undefined
  })

  const settle = Effect.fnUntraced(function* (
    { key }: Job,
    { token }: Attempt,
    evidence: Evidence.Evidence,
    durationMillis: number
  ): Effect.fn.Return<Applied> {
    const receiptId = yield* Identifiers.ordered
    const statement = ledger.settle({
      key,
      token,
      receiptId,
      evidence,
      durationMillis: Math.round(durationMillis)
    })
    // The schedule has no end: what is left of the error is for the compiler.
    return yield* Effect.orDie(Effect.retry(statement, settleRetry))
  })

  /** The call outlived its deadline. What it says within the grace is evidence all the same. */
  const listenLate = Effect.fnUntraced(function* (
    job: Job,
    attempt: Attempt,
    call: Fiber.Fiber<unknown, unknown>,
    elapsedMillis: Effect.Effect<number>
  ) {
    const exit = yield* Effect.timeoutOption(Fiber.await(call), settings.graceMillis)
    if (Option.isNone(exit)) {
      call.interruptUnsafe()
      return
    }
    const evidence = Evidence.fromExit(job.capability, exit.value, settings.maxOutputBytes)
    if (evidence._tag !== "Unknown") yield* settle(job, attempt, evidence, yield* elapsedMillis)
  })

  return { claim, claimAgain, perform, lookup }
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
