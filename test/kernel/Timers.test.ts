/**
 * Timers: what takes too long is acted on in time, what does not leaves nothing behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Timers from "../../src/kernel/Timers.ts"

const making = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const acted: Array<string> = []
  const timers = yield* Timers.make(scope)
  const after = (millis: number, name: string) => timers.after(millis, () => acted.push(name))
  return { scope, acted, after }
})

describe("a timer", () => {
  it.effect("acts when its time is over, and not before", () =>
    Effect.gen(function* () {
      const { acted, after } = yield* making
      after(1_000, "a")
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(acted, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(acted, ["a"])
    })
  )

  it.effect("that was taken back never acts, and holds up none that came after it", () =>
    Effect.gen(function* () {
      const { acted, after } = yield* making
      const first = after(1_000, "first")
      yield* TestClock.adjust(400)
      after(1_000, "second")
      first.takeBack()
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(acted, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(acted, ["second"])
    })
  )

  it.effect("is watched again after all of its length were over", () =>
    Effect.gen(function* () {
      const { acted, after } = yield* making
      after(1_000, "a")
      yield* TestClock.adjust(5_000)
      after(1_000, "b")
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(acted, ["a", "b"])
    })
  )

  it.effect("of a shorter time acts before one of a longer time that began earlier", () =>
    Effect.gen(function* () {
      const { acted, after } = yield* making
      after(3_000, "long")
      after(1_000, "short")
      after(1_000, "short too")
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(acted, ["short", "short too"])
      yield* TestClock.adjust(2_000)
      assert.deepStrictEqual(acted, ["short", "short too", "long"])
    })
  )

  it.effect("acts no more once its scope has closed", () =>
    Effect.gen(function* () {
      const { acted, after, scope } = yield* making
      after(1_000, "a")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(2_000)
      assert.deepStrictEqual(acted, [])
    })
  )
})

describe("an effect within a time", () => {
  const within = <A>(millis: number, effect: Effect.Effect<A, string>) =>
    Effect.gen(function* () {
      const timers = yield* Timers.make(yield* Effect.scope)
      return yield* Timers.within(timers, millis, effect, () => "too long")
    })

  it.effect("that ends before answers as it ends", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* within(1_000, Effect.succeed(1)), 1)
      assert.strictEqual(yield* Effect.flip(within(1_000, Effect.fail("no"))), "no")
    })
  )

  it.effect("is interrupted once it takes longer", () =>
    Effect.gen(function* () {
      let interrupted = false
      const forever = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          interrupted = true
        })
      )
      const asking = yield* Effect.forkChild(Effect.flip(within(1_000, forever)), { startImmediately: true })
      yield* TestClock.adjust(999)
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* Fiber.join(asking), "too long")
      assert.isTrue(interrupted)
    })
  )

  it.effect("ends with whoever waits for it", () =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<void>()
      const forever = Effect.onInterrupt(Effect.never, () => Deferred.succeed(ended, undefined))
      const asking = yield* Effect.forkChild(within(1_000, forever), { startImmediately: true })
      yield* Fiber.interrupt(asking)
      assert.isTrue(yield* Deferred.isDone(ended))
    })
  )
})
