/**
 * Calls: the connector calls under way. Each is a fiber of its own, which no caller and no lane can
 * interrupt; only the closing runtime does, and it waits for the calls' own cleaning up no longer
 * than its bound. A call that can't be interrupted holds nothing, not even the closing.
 */
import { Effect, Fiber } from "effect"
import { Settings } from "./Settings.ts"
import * as Metrics from "./telemetry/Metrics.ts"

/** Starts calls, and ends them when the surrounding scope closes. */
export const make = Effect.gen(function* () {
  const { drainMillis } = yield* Settings
  const context = yield* Effect.context<never>()
  const running = new Set<Fiber.Fiber<unknown, unknown>>()

  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      if (running.size === 0) return
      const ending = yield* Effect.forkDetach(Fiber.interruptAll(running), { startImmediately: true })
      if (drainMillis > 0) yield* Effect.timeoutOption(Fiber.await(ending), drainMillis)
    })
  )

  const start = <A, E>(call: Effect.Effect<A, E>): Effect.Effect<Fiber.Fiber<A, E>> =>
    Effect.map(Effect.forkDetach(call), (fiber) => {
      running.add(fiber)
      Metrics.calls(1, context)
      fiber.addObserver(() => {
        running.delete(fiber)
        Metrics.calls(-1, context)
      })
      return fiber
    })

  return { start }
})
