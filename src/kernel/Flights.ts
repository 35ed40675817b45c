/**
 * Flights: the requests of this process that are under way, by key. The first request of a key leads
 * its flight through the corridor; whoever asks for the same meanwhile joins it, without touching the
 * ledger, and shares its outcome. What was done lately is remembered: a repeat of it leaves its receipt
 * and needs no flight.
 *
 * A flight belongs to the runtime. Callers only wait for it: one that is interrupted or loses its
 * patience leaves, is written down all the same, and changes nothing.
 */
import { Cause, Clock, Deferred, Effect, Exit, Result, Scope } from "effect"
import { type LedgerUnavailable, ShuttingDown } from "../domain/errors.ts"
import type { Unsettled } from "../domain/execute-error.ts"
import type { Receipt } from "../domain/Receipt.ts"
import type { Ask } from "./Ask.ts"
import { type Conclusion, fromMemory, processSaturated, type Progress } from "./Conclusion.ts"
import { startOwned } from "./Owned.ts"
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
  const clock = yield* Clock.Clock
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

  /** Through the corridor, in a fiber of the runtime. */
  const fly = (ask: Ask, flight: Flight): void => {
    const fiber = startOwned(corridor(ask, flight.progress), context, scope)
    fiber.addObserver((end) => landed(ask, flight, end))
  }

  /** The end of a flight: those who wait hear of it once what has to be durable is. */
  const landed = (ask: Ask, flight: Flight, ended: Exit.Exit<Conclusion>): void => {
    close(ask, flight)
    if (Exit.isFailure(ended)) return answer(flight, cutOff(flight, ended.cause))
    const conclusion = ended.value
    const answered = exitOf(conclusion)
    // In the words of what was done: a repeat in others says so, which takes a look at the ledger.
    if (Exit.isSuccess(answered) && conclusion.repeat?.reason === null) {
      settled.remember(ask, answered.value, clock.monotonicTimeNanosUnsafe())
    }
    if (conclusion.leaderRecorded) Deferred.doneUnsafe(flight.leaderAnswer, answered)
    const repeats = repeatsOf(ask, flight, conclusion)
    if (repeats.length === 0) return answer(flight, answered)
    // A repeat is answered only when its receipt is durable.
    recorder.submit(repeats, (recorded) => {
      if (Exit.isFailure(recorded)) return answer(flight, unrecorded(flight, recorded.cause))
      return recorded.value === "moved" ? lookAgain(ask, flight) : answer(flight, answered)
    })
  }

  /**
   * What was found has been reopened or resolved meanwhile: it is nobody's answer any more, and no repeat of
   * it was written. Whoever waits waits on, and who comes now may join, unless another flight has begun.
   */
  const lookAgain = (ask: Ask, flight: Flight): void => {
    if (!flying.has(ask.name)) flying.set(ask.name, flight)
    fly(ask, flight)
  }

  const answer = (flight: Flight, answered: Exit.Exit<Receipt, Unsettled>): void => {
    Deferred.doneUnsafe(flight.leaderAnswer, answered)
    Deferred.doneUnsafe(flight.joinersAnswer, answered)
    land()
  }

  /** What ended with the runtime says so; anything else is a bug, and everybody hears of that. */
  const cutOff = ({ progress }: Flight, cause: Cause.Cause<never>): Exit.Exit<never, Unsettled> =>
    Cause.hasInterrupts(cause)
      ? Exit.fail(new ShuttingDown({ underWay: progress.dispatched }))
      : Exit.failCause(cause)

  const unrecorded = (
    { progress }: Flight,
    cause: Cause.Cause<LedgerUnavailable>
  ): Exit.Exit<never, Unsettled> =>
    scope.state._tag === "Closed"
      ? Exit.fail(new ShuttingDown({ underWay: progress.dispatched }))
      : Exit.failCause(cause)

  /** Who asked beside the request that was dispatched, each operator with a count. */
  const repeatsOf = (
    ask: Ask,
    flight: Flight,
    { leaderRecorded, repeat }: Conclusion
  ): ReadonlyArray<Unrecorded> => {
    if (repeat === undefined || (leaderRecorded && flight.joiners.size === 0)) return []
    const counts = new Map(flight.joiners)
    if (!leaderRecorded) counts.set(flight.leader, (counts.get(flight.leader) ?? 0) + 1)
    return [...counts].map(([operator, count]) => ({ ...repeat, key: ask.key, operator, count }))
  }

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

  /** What needs no flight: answered once its receipt is durable, which takes its place back, too. */
  const conclude = (ask: Ask, conclusion: Conclusion): Effect.Effect<Receipt, Unsettled> => {
    const { key, operator } = ask
    const answered = exitOf(conclusion)
    if (conclusion.repeat === undefined) return answered
    const durable = Deferred.makeUnsafe<Receipt, Unsettled>()
    underWay += 1
    // What is done stays done, and what follows from no receipt can't have moved.
    recorder.submit([{ ...conclusion.repeat, key, operator, count: 1 }], (recorded) => {
      land()
      Deferred.doneUnsafe(durable, Exit.isSuccess(recorded) ? answered : Exit.failCause(recorded.cause))
    })
    return Deferred.await(durable)
  }

  // Taking a place and starting the flight are one step, which no interrupt of the caller can tear apart: a
  // flight that nobody flies would keep its key for ever. Only the waiting can be interrupted.
  const take = (ask: Ask): Effect.Effect<Receipt, Unsettled> =>
    Effect.suspend(() => {
      // A program that is under way may come to its end, within the bound.
      if (closing !== undefined && ask.root === null)
        return Effect.fail(new ShuttingDown({ underWay: false }))
      const current = flying.get(ask.name)
      if (current === undefined) {
        const receipt = settled.recall(ask, clock.monotonicTimeNanosUnsafe())
        if (receipt !== undefined) return conclude(ask, fromMemory(ask, receipt))
        // A program that is under way may take its steps.
        if (underWay >= maxUnderWay && ask.root === null) {
          return conclude(ask, processSaturated(ask, maxUnderWay))
        }
        const flight = lead(ask)
        fly(ask, flight)
        return Deferred.await(flight.leaderAnswer)
      }
      if (current.fingerprint === ask.fingerprint) {
        join(current, ask.operator)
        return Deferred.await(current.joinersAnswer)
      }
      // Another payload is in flight under the key: what becomes of it decides what this one meets.
      return Effect.andThen(Effect.exit(Deferred.await(current.joinersAnswer)), take(ask))
    })

  /** Waits until nothing is under way here for the key. */
  const ended = (name: string): Effect.Effect<void> =>
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

  return { take, ended }
})

const exitOf = (conclusion: Conclusion): Exit.Exit<Receipt, Unsettled> =>
  Result.isSuccess(conclusion.answer)
    ? Exit.succeed(conclusion.answer.success)
    : Exit.fail(conclusion.answer.failure)
