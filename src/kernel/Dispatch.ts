/**
 * Dispatch: one attempt, from its claim to its settlement. The only module that opens a connector.
 *
 * The claim is durable before the first byte leaves. The call runs in a fiber of its own, which no
 * caller can interrupt; at the deadline the key is in doubt and the lane goes on, while the call is
 * listened to for a bounded grace.
 */
import { Clock, Effect, Fiber, Option, Schedule, type Scope } from "effect"
import { NotPerformed } from "../domain/errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import type { Ask } from "./Ask.ts"
import * as Calls from "./Calls.ts"
import * as Conclusion from "./Conclusion.ts"
import { Connectors } from "./Connectors.ts"
import * as Evidence from "./Evidence.ts"
import { type ClaimVerdict, Ledger } from "./Ledger.ts"
import { type Call, open } from "./Sealed.ts"
import { Settings } from "./Settings.ts"
import { Workers } from "./Workers.ts"

/** How often a statement with no answer is repeated before it counts as unconfirmed. */
export const confirmRetry = Schedule.exponential("50 millis").pipe(Schedule.upTo({ times: 5 }))

/** A settlement is tried until it is confirmed or the runtime closes: the effect has happened. */
const settleRetry = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("2 seconds")])

/** What an attempt is settled by: its token, and when its claim was sent. */
export interface Attempt {
  readonly token: string
  /** The incarnation that it was claimed under. */
  readonly worker: string
  readonly claimSentNanos: bigint
  readonly doubtAfterMillis: number
}

/** Claims and carries out attempts. What listens for late results lives in `scope`. */
export const make = Effect.fnUntraced(function* (scope: Scope.Scope) {
  const ledger = yield* Ledger
  const workers = yield* Workers
  const connectors = yield* Connectors
  const settings = yield* Settings
  const calls = yield* Calls.make

  /** An unknown commit is settled by running the same statement again, never by reading. */
  const claim = Effect.fnUntraced(function* (ask: Ask, seenAttempt: number) {
    const attempt: Attempt = {
      token: yield* Identifiers.token,
      worker: yield* workers.incarnation,
      claimSentNanos: yield* Clock.monotonicTimeNanos,
      doubtAfterMillis: ask.capability.deadlineMillis + settings.doubtMarginMillis
    }
    const statement = ledger.claim({
      key: ask.key,
      token: attempt.token,
      worker: attempt.worker,
      operator: ask.operator,
      fingerprint: ask.fingerprint,
      paths: Fingerprint.pathHashes(ask.bound, ledger.pathSecret),
      seenAttempt,
      doubtHoldsLane: ask.capability.doubtHoldsLane,
      doubtAfterMillis: attempt.doubtAfterMillis
    })
    const verdict = yield* Effect.tapError(Effect.retry(statement, confirmRetry), () =>
      Effect.forkIn(disown(ask, attempt), scope)
    )
    return { attempt, verdict }
  })

  const perform = Effect.fn("Dispatch.perform")(function* (
    ask: Ask,
    attempt: Attempt,
    claimed: ClaimVerdict & { readonly _tag: "Claimed" }
  ) {
    const startedNanos = yield* Clock.monotonicTimeNanos
    const elapsedMillis = Effect.map(Clock.monotonicTimeNanos, (now) => Number(now - startedNanos) / 1e6)
    if (!(yield* workers.mayStart(attempt))) {
      return yield* conclude(ask, attempt, Evidence.neverStarted("this process was paused for too long"), 0)
    }
    const call = yield* calls.start(callConnector(ask, claimed))
    const exit = yield* Effect.timeoutOption(Fiber.await(call), ask.capability.deadlineMillis)
    const evidence = Option.match(exit, {
      onNone: () => Evidence.unknown(`no answer within ${ask.capability.deadlineMillis} ms`),
      onSome: (exit) => Evidence.fromExit(ask.capability, exit, settings.maxOutputBytes)
    })
    const concluded = yield* conclude(ask, attempt, evidence, yield* elapsedMillis)
    if (Option.isNone(exit)) yield* Effect.forkIn(listenLate(ask, attempt, call, elapsedMillis), scope)
    return concluded
  })

  /**
   * The claim may have landed, or land late. It is given up for good, and that is said until it has
   * been heard or the claim can't land any more; what lands after that ends in doubt.
   */
  const disown = (ask: Ask, attempt: Attempt) =>
    settle(ask, attempt, Evidence.neverStarted("its claim was not confirmed"), 0).pipe(
      Effect.repeat({
        schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: attempt.doubtAfterMillis })),
        until: (verdict) => verdict._tag === "Settled"
      })
    )

  const callConnector = (ask: Ask, { attempt, generation }: { attempt: number; generation: number }) =>
    Effect.suspend(() => {
      const call: Call = {
        key: `fibric-${ask.name}-${generation}`,
        entity: ask.key.entity,
        attempt,
        deadlineMillis: ask.capability.deadlineMillis
      }
      return connectors.holding(ask.capability.name, (sealed) => {
        const run = sealed && open(sealed, ask.capability)
        if (run !== undefined) return run(ask.payload, call)
        return Effect.fail(
          new NotPerformed({
            proof: "never_started",
            reason: `no connector of this runtime carries out "${ask.capability.name}"`
          })
        )
      })
    })

  const conclude = Effect.fnUntraced(function* (
    ask: Ask,
    attempt: Attempt,
    evidence: Evidence.Evidence,
    durationMillis: number
  ) {
    const verdict = yield* settle(ask, attempt, evidence, durationMillis)
    return verdict._tag === "Settled" ? Conclusion.fromSettlement(ask, verdict.receipt) : undefined
  })

  const settle = Effect.fnUntraced(function* (
    ask: Ask,
    attempt: Attempt,
    evidence: Evidence.Evidence,
    durationMillis: number
  ) {
    const receiptId = yield* Identifiers.ordered
    const statement = ledger.settle({
      key: ask.key,
      token: attempt.token,
      receiptId,
      evidence,
      durationMillis: Math.round(durationMillis)
    })
    return yield* Effect.retry(statement, settleRetry)
  })

  /** The call outlived its deadline. What it says within the grace is evidence all the same. */
  const listenLate = Effect.fnUntraced(function* (
    ask: Ask,
    attempt: Attempt,
    call: Fiber.Fiber<unknown, unknown>,
    elapsedMillis: Effect.Effect<number>
  ) {
    const exit = yield* Effect.timeoutOption(Fiber.await(call), settings.graceMillis)
    if (Option.isNone(exit)) {
      call.interruptUnsafe()
      return
    }
    const evidence = Evidence.fromExit(ask.capability, exit.value, settings.maxOutputBytes)
    if (evidence._tag !== "Unknown") yield* settle(ask, attempt, evidence, yield* elapsedMillis)
  })

  return { claim, perform }
})
