/**
 * Calls: the connector calls under way. Each is a fiber of its own, which no caller and no lane can
 * interrupt; only the closing runtime does, and it waits for the calls' own cleaning up no longer
 * than its bound. A call that can't be interrupted holds nothing, not even the closing.
 */
import { Effect, Exit, Fiber, type Scope } from "effect"
import { Settings } from "./Settings.ts"
import * as Metrics from "./telemetry/Metrics.ts"
import * as Timers from "./Timers.ts"

/** A call's end, or `undefined` where it had none in time; the call itself goes on. */
export type Ended<A, E> = Exit.Exit<A, E> | undefined

/** Starts calls, and ends them when the surrounding scope closes. Deadlines are watched until `scope` does. */
export const make = Effect.fnUntraced(function* (scope: Scope.Scope) {
  const { drainMillis } = yield* Settings
  const context = yield* Effect.context<never>()
  const timers = yield* Timers.make(scope)
  const running = new Set<Fiber.Fiber<unknown, unknown>>()
  let isClosing = false

  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      isClosing = true
      if (running.size === 0) return
      const ending = yield* Effect.forkDetach(Fiber.interruptAll(running), { startImmediately: true })
      if (drainMillis > 0) yield* Effect.timeoutOption(Fiber.await(ending), drainMillis)
    })
  )

  /** It begins at once, and is known to the closing before it does anything. */
  const start = <A, E>(call: Effect.Effect<A, E>): Effect.Effect<Fiber.Fiber<A, E>> =>
    Effect.forkDetach(
      Effect.withFiber((fiber) => {
        running.add(fiber)
        Metrics.calls(1, context)
        fiber.addObserver(() => {
          running.delete(fiber)
          Metrics.calls(-1, context)
        })
        return call
      }),
      { startImmediately: true }
    )

  /** Waits for a call's end for so long. */
  const within = <A, E>(call: Fiber.Fiber<A, E>, millis: number): Effect.Effect<Ended<A, E>> =>
    Effect.suspend(() => {
      const ended = call.pollUnsafe()
      return ended === undefined ? waitFor(call, millis) : Effect.succeed(ended)
    })

  const waitFor = <A, E>(call: Fiber.Fiber<A, E>, millis: number): Effect.Effect<Ended<A, E>> =>
    Effect.callback((resume) => {
      const timer = timers.after(millis, () => {
        stopListening()
        resume(Effect.undefined)
      })
      const stopListening = call.addObserver((exit) => {
        timer.takeBack()
        // What the closing has cut off stays in flight: nobody is told of that end as if it said something.
        if (isClosing && Exit.hasInterrupts(exit)) return
        resume(Effect.succeed(exit))
      })
      return Effect.sync(() => {
        timer.takeBack()
        stopListening()
      })
    })

  return { start, within }
})

export type Calls = Effect.Success<ReturnType<typeof make>>
