/**
 * Timers: what takes too long is acted on in time, what does not leaves nothing behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
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
