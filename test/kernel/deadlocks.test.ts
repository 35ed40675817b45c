/**
 * Actions that are asked for from inside the lane of another one, in one process.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { type Connector, execute, type Executor, Fibric, ReceiptLog } from "fibric"
import { Inside, layerMoves, meeting, move } from "../support/accounts.ts"

const run = <E>(
  body: (calls: Array<string>) => Effect.Effect<void, E, Executor | ReceiptLog | Connector.Handler<"move">>,
  wait: (id: string) => Effect.Effect<void> = () => Effect.void
) => {
  const calls: Array<string> = []
  return Effect.provide(
    body(calls),
    layerMoves.pipe(
      Layer.provideMerge(Fibric.layerMemory),
      Layer.provide(Layer.succeed(Inside, { calls, wait }))
    )
  )
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
      meeting(["a", "b"])
    )
  )
})
