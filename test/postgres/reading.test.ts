/**
 * Reading receipts while others write and seal: what commits late, and what is folded between two looks.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import type { SqlError } from "effect/sql"
import type { CursorUnusable } from "../../src/domain/ReceiptFilter.ts"
import type { Ledger } from "../../src/kernel/Ledger.ts"
import { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import type { Retention } from "../../src/kernel/Retention.ts"
import { Seals } from "../../src/kernel/Seals.ts"
import { tail } from "../../src/kernel/Tail.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgReceiptLog from "../../src/postgres/PgReceiptLog.ts"
import { keyOf } from "../contracts/keys.ts"
import { layerLedger } from "../contracts/postgres.ts"
import { readable } from "../support/readable.ts"
import { done, repeated } from "../support/receipts.ts"
import { fault } from "../support/fault.ts"

type Services = Ledger | ReceiptLog | Seals | Retention | PgClient.PgClient

const law = (sentence: string, body: () => Effect.Effect<void, unknown, Services>) =>
  it.live(sentence, () => Effect.provide(body(), layerLedger))

const seal = Effect.andThen(
  readable,
  Effect.flatMap(Seals, (seals) => seals.sealNext(0, 1_000))
)

/** Receipts as anybody's transaction may write them, told apart by their counts. */
const insert = (sql: PgClient.PgClient, from: number, to: number) => sql`
  INSERT INTO fibric.receipt_log (id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count)
  SELECT gen_random_uuid(), 'joined', 'agent', 'notify', sha256('k'),
    'notify:order-1:shipped', 'order', '1', 1, number
  FROM generate_series(${from}::int, ${to}::int) AS number`

describe("the order of receipts", () => {
  law("is that of their transactions' numbers, also where these get another digit", () =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      const sql = yield* PgClient.PgClient
      yield* insert(sql, 1, 3)
      yield* sql`
        UPDATE fibric.receipt_log SET transaction = (ARRAY['9', '10', '100'])[count]::xid8`
      yield* readable
      // One at a time, so that the order decides what each look finds.
      const streamed: Array<number> = []
      let from = "start"
      for (let look = 0; look < 3; look++) {
        const { changes, cursor } = yield* log.after(from, {}, 1)
        streamed.push(...changes.map(({ receipt }) => receipt.count))
        from = cursor
      }
      const [oldest, newest] = [
        yield* log.query({}, { order: "oldest", limit: 1 }),
        yield* log.query({}, { order: "newest", limit: 1 })
      ]
      assert.deepStrictEqual(streamed, [1, 2, 3])
      assert.deepStrictEqual(
        [...oldest.receipts, ...newest.receipts].map(({ count }) => count),
        [1, 3]
      )
    })
  )
})

describe("what commits late", () => {
  law(
    `${fault("transaction long open")} is shown late and not skipped, and what came before it waits for it`,
    () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        const sql = yield* PgClient.PgClient
        const written = yield* Deferred.make<void>()
        const commit = yield* Deferred.make<void>()
        const late = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* insert(sql, 1, 1)
              yield* Deferred.succeed(written, undefined)
              yield* Deferred.await(commit)
            })
          )
        )
        yield* Deferred.await(written)
        yield* insert(sql, 2, 2)
        const before = yield* log.after("start", {}, 10)
        assert.deepStrictEqual([before.changes, before.isCaughtUp], [[], true])
        yield* Deferred.succeed(commit, undefined)
        yield* Fiber.join(late)
        yield* readable
        const after = yield* log.after(before.cursor, {}, 10)
        assert.deepStrictEqual(
          after.changes.map(({ receipt }) => receipt.count),
          [1, 2]
        )
      })
  )

  law("a stream beside 8 writers that commit out of order shows each receipt once", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const perWriter = 1_000
      const writers = 8
      const seen = yield* Effect.forkChild(
        Stream.runCollect(Stream.take(tail({ from: "start" }), writers * perWriter))
      )
      yield* Effect.forEach(
        Array.from({ length: writers }, (_, index) => index),
        (writer) =>
          Effect.gen(function* () {
            const step = 10 + writer * 3
            for (let from = 1; from <= perWriter; from += step) {
              const offset = writer * perWriter
              yield* sql.withTransaction(
                Effect.andThen(
                  insert(sql, offset + from, offset + Math.min(from + step - 1, perWriter)),
                  // Some hold theirs open while the others go on.
                  sql`SELECT pg_sleep(${writer % 2 === 0 ? 0.005 : 0}::float8)`
                )
              )
            }
          }),
        { concurrency: "unbounded", discard: true }
      )
      const counts = (yield* Fiber.join(seen)).map(({ receipt }) => receipt.count)
      assert.deepStrictEqual(
        counts.toSorted((one, other) => one - other),
        Array.from({ length: writers * perWriter }, (_, index) => index + 1)
      )
    })
  )
})

describe("what is folded between two looks", () => {
  const folded = { _tag: "CursorUnusable", problem: "folded" } satisfies Partial<CursorUnusable>

  for (const order of ["oldest", "newest"] as const) {
    law(`stops a reader of pages, the ${order} first, who has seen a part of it`, () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        yield* repeated(yield* done(keyOf("1")), "deduplicated", 6)
        const { next } = yield* log.query({}, { order, limit: 3 })
        yield* seal
        assert.deepInclude(yield* Effect.flip(log.query({}, { order, limit: 3, cursor: next ?? "" })), folded)
      })
    )

    law(`stops one also where it happens between the page and the look for it, the ${order} first`, () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        yield* repeated(yield* done(keyOf("1")), "deduplicated", 6)
        const { next } = yield* log.query({}, { order, limit: 3 })
        const sealed = yield* Effect.cached(
          Effect.orDie(Effect.provideContext(seal, yield* Effect.context<Services>()))
        )
        const interrupted = PgReceiptLog.layer.pipe(
          Layer.provide(
            Layer.effect(
              LedgerClient.LedgerClient,
              Effect.map(LedgerClient.LedgerClient, ({ confirmed, ...client }) => ({
                ...client,
                confirmed: <A>(operation: string, statement: Effect.Effect<A, SqlError.SqlError>) =>
                  Effect.tap(confirmed(operation, statement), () => sealed)
              }))
            ).pipe(Layer.provide(LedgerClient.layer))
          )
        )
        const reading = Effect.flatMap(ReceiptLog, (log) =>
          log.query({}, { order, limit: 3, cursor: next ?? "" })
        )
        assert.deepInclude(yield* Effect.flip(Effect.provide(reading, interrupted)), folded)
      })
    )

    law(`leaves a reader of pages alone, the ${order} first, who began after it`, () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        const [one, two] = [yield* done(keyOf("1")), yield* done(keyOf("2"))]
        yield* repeated(one, "deduplicated", 3)
        yield* repeated(two, "deduplicated", 3)
        yield* repeated(one, "deduplicated", 3)
        yield* seal
        const counts: Array<number> = []
        let cursor: string | undefined
        do {
          const { next, receipts } = yield* log.query({}, { order, limit: 1, cursor })
          counts.push(...receipts.map(({ count }) => count))
          cursor = next ?? undefined
        } while (cursor !== undefined)
        assert.deepStrictEqual(counts, order === "oldest" ? [1, 1, 3, 6] : [6, 3, 1, 1])
      })
    )
  }

  law("stops a stream that has seen a part of it, and goes on for one that has seen all", () =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      yield* repeated(yield* done(keyOf("1")), "deduplicated", 3)
      yield* readable
      const part = yield* log.after("start", {}, 2)
      const all = yield* log.after("start", {}, 10)
      const last = all.changes.at(-1)?.cursor ?? ""
      yield* seal
      assert.deepInclude(yield* Effect.flip(log.after(part.cursor, {}, 2)), folded)
      yield* done(keyOf("2"))
      yield* readable
      for (const cursor of [all.cursor, last]) {
        const { changes } = yield* log.after(cursor, {}, 10)
        assert.deepStrictEqual(
          changes.map(({ receipt }) => receipt.key),
          [keyOf("2").label]
        )
      }
    })
  )

  law("does not stop a reader of what it has nothing of", () =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      yield* repeated(yield* done(keyOf("1")), "deduplicated", 3)
      yield* readable
      const { cursor } = yield* log.after("start", { outcomes: ["performed"] }, 1)
      yield* seal
      assert.deepStrictEqual((yield* log.after(cursor, { outcomes: ["performed"] }, 1)).changes, [])
    })
  )
})
