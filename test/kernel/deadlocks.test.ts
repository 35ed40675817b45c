/**
 * Actions that are asked for from inside the lane of another one, in one process.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { type Connector, execute, type Executor, Fibric, ReceiptLog, Verdicts, Operator } from "fibric"
import { Inside, layerMoves, meeting, move } from "../support/accounts.ts"

const run = <E>(
  body: (
    calls: Array<string>
  ) => Effect.Effect<void, E, Executor | ReceiptLog | Verdicts | Connector.Handler<"move">>,
  inside: Partial<(typeof Inside)["Service"]> = {}
) => {
  const calls: Array<string> = []
  return Effect.provide(
    body(calls),
    layerMoves.pipe(
      Layer.provideMerge(Fibric.layerMemory),
      Layer.provide(Layer.succeed(Inside, { calls, wait: () => Effect.void, ...inside }))
    )
  )
}

/** Whoever comes first to an account stays there for ever. */
const stuckFirst = (account: string) => {
  let isFirst = true
  return (id: string) =>
    Effect.suspend(() => {
      if (id !== account || !isFirst) return Effect.void
      isFirst = false
      return Effect.never
    })
}

describe("an action that is asked for from inside another one's lane", () => {
  it.effect("is performed where it waits for nobody that waits for it", () =>
    run((calls) =>
      Effect.gen(function* () {
        yield* execute(move("a", "1", ["b", "c"]))
        assert.deepStrictEqual(calls, ["a", "b", "c"])
      })
    )
  )

  it.effect("of the same entity would deadlock, and says so at once", () =>
    run((calls) =>
      Effect.gen(function* () {
        const { receipt } = yield* execute(move("a", "1", ["a"]))
        assert.strictEqual(receipt.body, `["a","WouldDeadlock"]`)
        assert.deepStrictEqual(calls, ["a"])
      })
    )
  )

  it.effect("that leads back to its own entity over another one would, too", () =>
    run((calls) =>
      Effect.gen(function* () {
        const { receipt } = yield* execute(move("a", "1", ["b", "a"]))
        assert.include(receipt.body ?? "", "WouldDeadlock")
        assert.deepStrictEqual(calls, ["a", "b"])
        const log = yield* ReceiptLog
        assert.deepStrictEqual(yield* log.totals(), { performed: 2, denied: 1 })
      })
    )
  )

  it.effect("stands in nobody's way once the waiting has ended, whatever ended it", () =>
    run((calls) =>
      Effect.gen(function* () {
        yield* execute(move("b", "1"))
        const conflict = yield* execute(move("a", "1", ["b", "c"]))
        assert.strictEqual(conflict.receipt.body, `["a","KeyConflict"]`)
        const { receipt } = yield* execute(move("b", "2", ["a"]))
        assert.notInclude(receipt.body ?? "", "WouldDeadlock")
        assert.deepStrictEqual(calls, ["b", "a", "b", "a"])
      })
    )
  )

  it.effect("stands in nobody's way either once it has lost its patience", () =>
    run(
      () =>
        Effect.gen(function* () {
          const verdicts = yield* Verdicts
          const asking = yield* Effect.forkChild(execute(move("a", "1", ["b"])), { startImmediately: true })
          yield* TestClock.adjust("1 second")
          assert.strictEqual((yield* Fiber.join(asking)).receipt.body, JSON.stringify(["a", "InProgress"]))
          yield* TestClock.adjust("1 minute")
          yield* verdicts
            .release(move("b", "1").key, { attempt: 1, reason: "I looked", force: true })
            .pipe(Operator.as("dana"))
          const { receipt } = yield* execute(move("b", "2", ["a"]))
          assert.strictEqual(receipt.body, JSON.stringify(["b", JSON.stringify(["a"])]))
        }),
      { wait: stuckFirst("b"), patience: "1 second" }
    )
  )

  it.effect("of two entities that wait for each other lets one go, and both end", () =>
    run(
      () =>
        Effect.gen(function* () {
          const one = yield* Effect.forkChild(execute(move("a", "from a", ["b"])))
          const other = yield* Effect.forkChild(execute(move("b", "from b", ["a"])))
          const bodies = [(yield* Fiber.join(one)).receipt.body, (yield* Fiber.join(other)).receipt.body]
          const refused = bodies.filter((body) => body?.includes("WouldDeadlock"))
          assert.isAtLeast(refused.length, 1)
        }),
      { wait: meeting(["a", "b"]) }
    )
  )
})
