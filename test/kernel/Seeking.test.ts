/**
 * Seeking: a look that goes along with other statements, and never waits for what happens in a lane.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Seeking from "../../src/kernel/Seeking.ts"
import { keyOf } from "../contracts/keys.ts"

const making = Effect.gen(function* () {
  const seeking = yield* Seeking.make(yield* Effect.scope)
  const sought: Array<number> = []
  /** A statement that says so of the keys that it is given. */
  const saying = (areNew: boolean, maxKeys = 10) =>
    seeking.along(maxKeys, (keys) => {
      sought.push(keys.length)
      return Effect.succeed({ areNew })
    })
  const seek = (id: string) => Effect.forkChild(seeking.isNew(keyOf(id)), { startImmediately: true })
  return { seeking, sought, saying, seek }
})

describe("a key that is sought", () => {
  it.effect("is new where the next statement says so", () =>
    Effect.gen(function* () {
      const { saying, seek, sought } = yield* making
      const seekers = yield* Effect.forEach(["1", "2"], seek)
      yield* saying(true)
      assert.deepStrictEqual(yield* Effect.forEach(seekers, Fiber.join), [true, true])
      yield* saying(true)
      assert.deepStrictEqual(sought, [2, 0])
    })
  )

  it.effect("is not known to be new where one that is sought beside it is not", () =>
    Effect.gen(function* () {
      const { saying, seek } = yield* making
      const seeker = yield* seek("1")
      yield* saying(false)
      assert.isFalse(yield* Fiber.join(seeker))
    })
  )

  it.effect("waits for no statement longer than a moment, also for one that it went along with", () =>
    Effect.gen(function* () {
      const { seek, seeking } = yield* making
      const gate = yield* Deferred.make<{ readonly areNew: boolean }>()
      const seeker = yield* seek("1")
      const statement = yield* Effect.forkChild(
        seeking.along(10, () => Deferred.await(gate)),
        { startImmediately: true }
      )
      yield* TestClock.adjust(19)
      assert.isUndefined(seeker.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isFalse(yield* Fiber.join(seeker))
      yield* Deferred.succeed(gate, { areNew: true })
      yield* Fiber.join(statement)
    })
  )

  it.effect("goes along with the statement after one that failed", () =>
    Effect.gen(function* () {
      const { saying, seek, seeking } = yield* making
      const seeker = yield* seek("1")
      yield* Effect.exit(seeking.along(10, () => Effect.fail("lost")))
      assert.isUndefined(seeker.pollUnsafe())
      yield* saying(true)
      assert.isTrue(yield* Fiber.join(seeker))
    })
  )

  it.effect("goes along where there is room", () =>
    Effect.gen(function* () {
      const { saying, seek, sought } = yield* making
      const seekers = yield* Effect.forEach(["1", "2", "3"], seek)
      yield* saying(true, 2)
      yield* saying(true, 2)
      assert.deepStrictEqual(yield* Effect.forEach(seekers, Fiber.join), [true, true, true])
      assert.deepStrictEqual(sought, [2, 1])
    })
  )
})
