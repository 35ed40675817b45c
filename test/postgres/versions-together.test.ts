/**
 * Workers of the first schema beside those of this one, while receipts are sealed, folded and streamed: the
 * old ones know of no batches, seals and parts.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import { Seals } from "../../src/kernel/Seals.ts"
import { tail } from "../../src/kernel/Tail.ts"
import { keyOf as newKey } from "../contracts/keys.ts"
import { ledgerDatabase } from "../support/database.ts"
import { done, layerOver, repeated } from "../support/receipts.ts"
import * as Previous from "./fixtures/previous-version/worker.ts"

const turns = 30

describe("workers of the first schema and of this one together", () => {
  it.live("lose no receipt, and what both wrote is sealed, folded, streamed and verified", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const old = yield* Previous.make(url)
      yield* Effect.provide(
        Effect.gen(function* () {
          const seals = yield* Seals
          const log = yield* ReceiptLog
          const working = Effect.all(
            [
              Effect.forEach(
                Array.from({ length: turns }, (_, turn) => turn),
                (turn) =>
                  Effect.gen(function* () {
                    const key = Previous.keyOf(`old-${turn}`)
                    const { token } = yield* old.claim(key)
                    yield* old.settle(key, token, Previous.evidences.performed)
                    yield* old.record(key)
                    yield* old.record(key)
                  })
              ),
              Effect.forEach(
                Array.from({ length: turns }, (_, turn) => turn),
                (turn) =>
                  Effect.flatMap(done(newKey(`new-${turn}`)), (key) => repeated(key, "deduplicated", 2))
              )
            ],
            { concurrency: "unbounded", discard: true }
          )
          const requests = 2 * turns * 3
          const streaming = yield* Effect.forkChild(
            Stream.runFoldEffect(
              Stream.takeUntil(
                Stream.mapAccum(
                  tail({ from: "start" }),
                  () => 0,
                  (sum, { receipt }) => {
                    const next = sum + receipt.count
                    return [next, [next]] as const
                  }
                ),
                (sum) => sum >= requests
              ),
              () => 0,
              (_, sum) => Effect.succeed(sum)
            )
          )
          yield* working
          // What the stream has seen is not folded under it.
          assert.strictEqual(yield* Fiber.join(streaming), requests)
          let folded = 0
          for (
            let next = yield* seals.sealNext(0, 50);
            next !== undefined;
            next = yield* seals.sealNext(0, 50)
          ) {
            folded += next.folded
          }
          assert.isAtLeast(folded, 1)
          assert.deepStrictEqual(yield* log.totals(), { performed: 2 * turns, deduplicated: 4 * turns })
          assert.deepStrictEqual((yield* seals.verify()).findings, [])
          // They go on after that, on rows that were sealed.
          const key = Previous.keyOf("old-0")
          yield* old.record(key)
          assert.strictEqual((yield* old.find(key))?.state, "done")
          const sql = yield* PgClient.PgClient
          assert.deepStrictEqual(
            yield* sql`SELECT sum(count)::int AS requests FROM fibric.receipts WHERE key = ${key.label}`,
            [{ requests: 4 }]
          )
          assert.deepStrictEqual((yield* seals.verify()).findings, [])
        }),
        layerOver(url)
      )
    })
  )
})
