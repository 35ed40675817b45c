/**
 * Calls: a call under way is known from its first step on, and waited for no longer than is said.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Calls from "../../src/kernel/Calls.ts"

const making = Effect.gen(function* () {
  const scope = yield* Scope.make()
  return { scope, calls: yield* Scope.provide(Calls.make(scope), scope) }
})

describe("a call", () => {
  it.effect("is interrupted by a closing that comes while its first step runs", () =>
    Effect.gen(function* () {
      const { calls, scope } = yield* making
      let interrupted = 0
      const call = Effect.andThen(
        Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true }),
        Effect.never
      )
      yield* calls.start(Effect.onInterrupt(call, () => Effect.sync(() => (interrupted += 1))))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(interrupted, 1)
    })
  )

  it.effect("has its end heard, also where it ended before anybody waited", () =>
    Effect.gen(function* () {
      const { calls } = yield* making
      const soon = yield* calls.start(Effect.succeed("soon"))
      assert.deepStrictEqual(yield* calls.within(soon, 1_000), Exit.succeed("soon"))
      const late = yield* calls.start(Effect.delay(Effect.succeed("late"), 999))
      const waiting = yield* Effect.forkChild(calls.within(late, 1_000), { startImmediately: true })
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(yield* Fiber.join(waiting), Exit.succeed("late"))
    })
  )

  it.effect("that outlives the waiting goes on", () =>
    Effect.gen(function* () {
      const { calls } = yield* making
      const call = yield* calls.start(Effect.delay(Effect.succeed("done"), 2_000))
      const waiting = yield* Effect.forkChild(calls.within(call, 1_000), { startImmediately: true })
      yield* TestClock.adjust(1_000)
      assert.isUndefined(yield* Fiber.join(waiting))
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(call.pollUnsafe(), Exit.succeed("done"))
    })
  )
})
