/**
 * Two runtimes on one Postgres, each with a worker and connections of its own, whose actions wait for
 * each other.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import { execute, ReceiptLog } from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import { Inside, layerMoves, meeting, move } from "../support/accounts.ts"
import { ledgerDatabase } from "../support/database.ts"

describe("two processes whose entities wait for each other", () => {
  it.live("let one of the two go, both end, and nothing is left waiting", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const wait = meeting(["a", "b"])
      const runtime = Layer.build(
        layerMoves.pipe(
          Layer.provideMerge(layerPostgres),
          Layer.provideMerge(PgClient.layer({ url, maxConnections: 2 })),
          Layer.provide(Layer.succeed(Inside, { calls: [], wait }))
        )
      )
      const [one, other] = yield* Effect.all([runtime, runtime], { concurrency: 2 })
      const inOne = yield* Effect.forkChild(Effect.provideContext(execute(move("a", "from a", ["b"])), one))
      const inOther = yield* Effect.forkChild(
        Effect.provideContext(execute(move("b", "from b", ["a"])), other)
      )
      const bodies = [(yield* Fiber.join(inOne)).receipt.body, (yield* Fiber.join(inOther)).receipt.body]
      assert.isAtLeast(bodies.filter((body) => body?.includes("WouldDeadlock")).length, 1)
      const totals = yield* Context.get(one, ReceiptLog).totals()
      assert.isAtLeast(totals.denied ?? 0, 1)
      assert.isAtLeast(totals.performed ?? 0, 2)
      const left = yield* Context.get(one, PgClient.PgClient)`SELECT 1 FROM fibric.waiting`
      assert.deepStrictEqual(left, [])
    }).pipe(Effect.scoped)
  )
})
