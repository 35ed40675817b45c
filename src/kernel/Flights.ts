/**
 * Flights: the requests of this process that are under way, by key. The first request of a key leads
 * its flight through the corridor; whoever asks for the same meanwhile joins it, without touching the
 * ledger, and shares its outcome. What was done lately is remembered: a repeat of it leaves its receipt
 * and needs no flight.
 *
 * A flight belongs to the runtime. Callers only wait for it: one that is interrupted or loses its
 * patience leaves, is written down all the same, and changes nothing.
 */
import { Clock, Deferred, Effect, Exit, Result, Scope } from "effect"
import { ShuttingDown } from "../domain/errors.ts"
import type { Unsettled } from "../domain/execute-error.ts"
import type { Receipt } from "../domain/Receipt.ts"
import type { Ask } from "./Ask.ts"
import { type Conclusion, fromMemory, processSaturated, type Progress } from "./Conclusion.ts"
import { forkOwned } from "./Owned.ts"
import type { Recorder, Unrecorded } from "./Recorder.ts"
import * as Settled from "./Settled.ts"
import { Settings } from "./Settings.ts"

interface Flight {
  readonly fingerprint: string
  readonly leader: string
  readonly progress: Progress
  /** Who joined, and how often, by operator. */
  readonly joiners: Map<string, number>
  readonly leaderAnswer: Deferred.Deferred<Receipt, Unsettled>
  readonly joinersAnswer: Deferred.Deferred<Receipt, Unsettled>
}

/** How many operators a flight tells apart; the requests of further ones are counted together. */
const maxOperators = 1_000
const otherOperators = "others"

/**
 * Takes requests until the surrounding scope closes; then takes no more, waits for those under way up
 * to the bound, and closes `scope`, which interrupts whatever still runs in it.
 */
export const make = Effect.fnUntraced(function* (
  scope: Scope.Closeable,
  recorder: Recorder,
  corridor: (ask: Ask, progress: Progress) => Effect.Effect<Conclusion>
) {
  const { drainMillis, maxUnderWay } = yield* Settings
  const context = yield* Effect.context<never>()
  const flying = new Map<string, Flight>()
  const settled = Settled.make()
  // Flights that have not ended, those included that take no more joiners.
  let underWay = 0
  let closing: Deferred.Deferred<void> | undefined

  /** From here on a new request of the key starts anew and finds what is recorded. */
  const close = (ask: Ask, flight: Flight): void => {
    if (flying.get(ask.name) === flight) flying.delete(ask.name)
  }

  const land = (): void => {
    underWay -= 1
    if (underWay === 0 && closing !== undefined) Deferred.doneUnsafe(closing, Exit.void)
  }

  const fly = (ask: Ask, flight: Flight): Effect.Effect<void> =>
    Effect.gen(function* () {
      const conclusion = yield* corridor(ask, flight.progress)
      const answer = exitOf(conclusion)
      if (Exit.isSuccess(answer)) settled.remember(ask, answer.value, yield* Clock.monotonicTimeNanos)
      close(ask, flight)
      if (conclusion.leaderRecorded) Deferred.doneUnsafe(flight.leaderAnswer, answer)
      const recorded = yield* Effect.exit(record(ask, flight, conclusion))
      // A repeat is answered only when its receipt is durable.
      const shared = Exit.isSuccess(recorded) ? answer : Exit.failCause(recorded.cause)
      Deferred.doneUnsafe(flight.leaderAnswer, shared)
      Deferred.doneUnsafe(flight.joinersAnswer, shared)
    }).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (Exit.isFailure(exit)) {
            const ended = Exit.hasInterrupts(exit)
              ? Exit.fail(new ShuttingDown({ underWay: flight.progress.dispatched }))
              : Exit.failCause(exit.cause)
            Deferred.doneUnsafe(flight.leaderAnswer, ended)
            Deferred.doneUnsafe(flight.joinersAnswer, ended)
          }
          close(ask, flight)
          land()
        })
      )
    )

  const record = Effect.fnUntraced(function* (
    ask: Ask,
    flight: Flight,
    { leaderRecorded, repeat }: Conclusion
  ) {
    if (repeat === undefined) return
    const counts = new Map(flight.joiners)
    if (!leaderRecorded) counts.set(flight.leader, (counts.get(flight.leader) ?? 0) + 1)
    const repeats = [...counts].map(([operator, count]): Unrecorded => ({
      ...repeat,
      key: ask.key,
      operator,
      count
    }))
    if (repeats.length > 0) yield* recorder.record(repeats)
  })

  const join = (flight: Flight, operator: string): void => {
    const known = flight.joiners.has(operator) || flight.joiners.size < maxOperators
    const name = known ? operator : otherOperators
    flight.joiners.set(name, (flight.joiners.get(name) ?? 0) + 1)
  }

  const lead = (ask: Ask): Flight => {
    const flight: Flight = {
      fingerprint: ask.fingerprint,
      leader: ask.operator,
      progress: { dispatched: false },
      joiners: new Map(),
      leaderAnswer: Deferred.makeUnsafe(),
      joinersAnswer: Deferred.makeUnsafe()
    }
    flying.set(ask.name, flight)
    underWay += 1
    return flight
  }

  /**
   * What needs no flight: answered once its receipt is durable. Counted and counted off where no interrupt
   * gets in between: only the waiting can be interrupted.
   */
  const conclude = (
    ask: Ask,
    conclusion: Conclusion,
    restore: <A, E>(waiting: Effect.Effect<A, E>) => Effect.Effect<A, E>
  ): Effect.Effect<Receipt, Unsettled> => {
    const { key, operator } = ask
    underWay += 1
    const repeats = conclusion.repeat === undefined ? [] : [{ ...conclusion.repeat, key, operator, count: 1 }]
    const answered = Effect.andThen(recorder.record(repeats), exitOf(conclusion))
    return Effect.ensuring(restore(answered), Effect.sync(land))
  }

  // Taking a place and starting the flight can't be torn apart by the caller's interrupt: a flight that
  // nobody flies would keep its key for ever. Only the waiting can be interrupted.
  const take = (ask: Ask): Effect.Effect<Receipt, Unsettled> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Clock.monotonicTimeNanos, (nowNanos) => {
        // A program that is under way may come to its end, within the bound.
        if (closing !== undefined && ask.root === null)
          return Effect.fail(new ShuttingDown({ underWay: false }))
        const current = flying.get(ask.name)
        if (current === undefined) {
          const receipt = settled.recall(ask, nowNanos)
          if (receipt !== undefined) return conclude(ask, fromMemory(ask, receipt), restore)
          // A program that is under way may take its steps.
          if (underWay >= maxUnderWay && ask.root === null) {
            return conclude(ask, processSaturated(ask, maxUnderWay), restore)
          }
          const flight = lead(ask)
          return Effect.andThen(
            forkOwned(fly(ask, flight), context, scope),
            restore(Deferred.await(flight.leaderAnswer))
          )
        }
        if (current.fingerprint === ask.fingerprint) {
          join(current, ask.operator)
          return restore(Deferred.await(current.joinersAnswer))
        }
        // Another payload is in flight under the key: what becomes of it decides what this one meets.
        return restore(Effect.andThen(Effect.exit(Deferred.await(current.joinersAnswer)), take(ask)))
      })
    )

  /** Waits until nothing is under way here for the key. */
  const landed = (name: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      const flight = flying.get(name)
      return flight === undefined
        ? Effect.void
        : Effect.asVoid(Effect.exit(Deferred.await(flight.joinersAnswer)))
    })

  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      const drained = Deferred.makeUnsafe<void>()
      closing = drained
      if (underWay > 0 && drainMillis > 0) yield* Effect.timeoutOption(Deferred.await(drained), drainMillis)
      yield* Scope.close(scope, Exit.void)
    })
  )

  return { take, landed }
})

const exitOf = (conclusion: Conclusion): Exit.Exit<Receipt, Unsettled> =>
  Result.isSuccess(conclusion.answer)
    ? Exit.succeed(conclusion.answer.success)
    : Exit.fail(conclusion.answer.failure)
