/**
 * Stopwatch: how long something has lasted, on monotonic time: no clock that is set moves it.
 */
import { Clock, Effect } from "effect"

/** From one instant to another, in milliseconds. */
export const elapsedMillis = (fromNanos: bigint, toNanos: bigint): number => Number(toNanos - fromNanos) / 1e6

/** From an instant to now, in milliseconds. */
export const millisSince = (startedNanos: bigint): Effect.Effect<number> =>
  Effect.map(Clock.monotonicTimeNanos, (now) => elapsedMillis(startedNanos, now))

/** Starts to count; what it gives reads how long it has been running. */
export const stopwatch: Effect.Effect<Effect.Effect<number>> = Effect.map(
  Clock.monotonicTimeNanos,
  millisSince
)
