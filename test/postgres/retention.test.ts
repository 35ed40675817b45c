/**
 * Retention: months made ahead, months that nobody made, and bodies that go while their receipts stay.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Option } from "effect"
import { execute } from "fibric"
import * as FibricPostgres from "fibric/postgres"
import { Ledger } from "../../src/kernel/Ledger.ts"
import { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import { Retention } from "../../src/kernel/Retention.ts"
import { Seals } from "../../src/kernel/Seals.ts"
import { claimed, keyOf, performed, refused, settle, unknown } from "../contracts/keys.ts"
import { freshDatabase, ledgerDatabase } from "../support/database.ts"
import { EmailRefused, makeWorld, notify } from "../support/orders.ts"
import { readable, readableOn } from "../support/readable.ts"
import { done, layerReceipts, repeated } from "../support/receipts.ts"
import { onDatabase } from "./support.ts"

type Services = Ledger | ReceiptLog | Seals | Retention | PgClient.PgClient

const law = (sentence: string, body: () => Effect.Effect<void, unknown, Services>) =>
  it.live(sentence, () => Effect.provide(body(), layerReceipts))

/** The parts of the table with their bounds, in order. */
const parts = (sql: PgClient.PgClient) => sql<{ name: string; bound: string }>`
  SELECT class.relname::text AS name, pg_get_expr(class.relpartbound, class.oid) AS bound
  FROM pg_inherits JOIN pg_class AS class ON class.oid = inhrelid
  WHERE inhparent = 'fibric.receipt_log'::regclass ORDER BY class.relname`

/** A receipt as if it were written at that time. */
const writtenAt = (sql: PgClient.PgClient, at: string, count: number) => sql`
  INSERT INTO fibric.receipt_log (id, at, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count)
  SELECT fibric.first_id_at(${at}::text::timestamptz), ${at}::text::timestamptz, 'joined', 'agent', 'notify', sha256('k'),
    'notify:order-1:shipped', 'order', '1', 1, ${count}::int`

const partOf = (sql: PgClient.PgClient, count: number) =>
  Effect.map(
    sql<{
      part: string
    }>`SELECT tableoid::regclass::text AS part FROM fibric.receipt_log WHERE count = ${count}::int`,
    (rows) => rows.map(({ part }) => part)
  )

const month = (date: Date, ahead: number): Date =>
  new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead, 1))

const nameOf = (date: Date) => `receipt_log_${date.toISOString().slice(0, 7).replace("-", "_")}`

describe("the parts of the receipts", () => {
  law("are the first one, months ahead as they are asked for, and a default", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const [now] = yield* sql<{ now: Date }>`SELECT now() AS now`
      const at = now?.now ?? new Date(0)
      const made = yield* (yield* Retention).makeMonths(4)
      const expected = [2, 3, 4].map((ahead) => nameOf(month(at, ahead)))
      assert.deepStrictEqual(made, expected)
      assert.deepStrictEqual(yield* (yield* Retention).makeMonths(4), [])
      assert.deepStrictEqual(
        (yield* parts(sql)).map(({ name }) => name),
        [...expected, "receipt_log_default", "receipt_log_first"].toSorted()
      )
    })
  )

  law("take each receipt into its month, up to the last instant of it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const [now] = yield* sql<{ now: Date }>`SELECT now() AS now`
      const at = now?.now ?? new Date(0)
      yield* (yield* Retention).makeMonths(4)
      const [third, fourth] = [month(at, 3), month(at, 4)]
      yield* writtenAt(sql, new Date(third.getTime() - 1).toISOString(), 1)
      yield* writtenAt(sql, third.toISOString(), 2)
      yield* writtenAt(sql, new Date(fourth.getTime() - 1).toISOString(), 3)
      yield* writtenAt(sql, fourth.toISOString(), 4)
      const names = yield* Effect.forEach([1, 2, 3, 4], (count) => partOf(sql, count))
      assert.deepStrictEqual(
        names.flat(),
        [2, 3, 3, 4].map((ahead) => `fibric.${nameOf(month(at, ahead))}`)
      )
    })
  )

  law(
    "lose nothing of a month that nobody made: the default takes it, and later months are made all the same",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const log = yield* ReceiptLog
        const [now] = yield* sql<{ now: Date }>`SELECT now() AS now`
        const at = now?.now ?? new Date(0)
        // The boundary passes with no month made.
        const [last, first] = [month(at, 2).getTime() - 1, month(at, 2).getTime()]
        yield* writtenAt(sql, new Date(last).toISOString(), 1)
        yield* writtenAt(sql, new Date(first).toISOString(), 2)
        assert.deepStrictEqual(yield* partOf(sql, 1), ["fibric.receipt_log_first"])
        assert.deepStrictEqual(yield* partOf(sql, 2), ["fibric.receipt_log_default"])
        const made = yield* (yield* Retention).makeMonths(3)
        assert.deepStrictEqual(made, [nameOf(month(at, 3))])
        yield* writtenAt(sql, new Date(first + 1).toISOString(), 3)
        assert.deepStrictEqual(yield* partOf(sql, 3), ["fibric.receipt_log_default"])
        const { receipts } = yield* log.query({}, { order: "oldest" })
        assert.deepStrictEqual(
          receipts.map(({ count }) => count),
          [1, 2, 3]
        )
        const seals = yield* Seals
        // They are of the future: nothing is sealed before its time, and the totals are what was written.
        assert.deepStrictEqual(yield* log.totals(), { joined: 6 })
        assert.isUndefined(yield* seals.sealNext(0, 10))
      })
  )

  law("are each read by the same indexes", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* (yield* Retention).makeMonths(2)
      const indexes = yield* sql<{ part: string; columns: ReadonlyArray<string> }>`
        SELECT inhrelid::regclass::text AS part, array_agg(
          regexp_replace(pg_get_indexdef(indexrelid), '.*USING ', '') ORDER BY regexp_replace(pg_get_indexdef(indexrelid), '.*USING ', '')
        ) AS columns
        FROM pg_inherits JOIN pg_index ON indrelid = inhrelid
        WHERE inhparent = 'fibric.receipt_log'::regclass GROUP BY inhrelid`
      assert.lengthOf(indexes, 3)
      for (const { columns } of indexes) {
        assert.deepStrictEqual(columns, [
          "btree (entity_id, entity_type)",
          "btree (id)",
          "btree (key_hash)",
          "btree (transaction, id)"
        ])
      }
    })
  )

  it.live("are made by a start, months ahead", () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      const made = yield* Effect.provide(
        Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          let names: ReadonlyArray<string> = []
          while (names.length < 4) {
            names = (yield* parts(sql)).map(({ name }) => name)
            yield* Effect.sleep(20)
          }
          return names
        }),
        FibricPostgres.layer.pipe(
          Layer.provideMerge(PgClient.layer({ url, maxConnections: 1 })),
          Layer.provide(Logger.layer([]))
        )
      )
      assert.lengthOf(made, 4)
    })
  )
})

describe("a purge", () => {
  const bodies = (sql: PgClient.PgClient) =>
    Effect.map(
      sql<{ key: string }>`SELECT key FROM fibric.receipt_log WHERE body IS NOT NULL ORDER BY key`,
      (rows) => rows.map(({ key }) => key)
    )

  law("empties what is old and leaves what is young", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* done(keyOf("1"))
      yield* done(keyOf("2"))
      yield* sql`
        UPDATE fibric.receipt_log SET at = at - interval '31 days' WHERE key = ${keyOf("1").label}`
      const month = 30 * 86_400_000
      yield* readable
      assert.deepInclude(yield* (yield* Retention).purge(month), { bodies: 1, pinned: 0 })
      assert.deepStrictEqual(yield* bodies(sql), [keyOf("2").label])
      assert.deepInclude(yield* (yield* Retention).purge(month), { bodies: 0 })
    })
  )

  law("goes on behind a flood of receipts that have no body", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      // As many as it walks at a time.
      yield* sql`
        INSERT INTO fibric.receipt_log (id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count)
        SELECT gen_random_uuid(), 'joined', 'agent', 'notify', sha256('k'), 'notify:order-9:shipped', 'order', '9', 1, 1
        FROM generate_series(1, 5000)`
      yield* done(keyOf("1"))
      yield* readable
      assert.deepInclude(yield* (yield* Retention).purge(0), { bodies: 1, pinned: 0 })
      assert.deepStrictEqual(yield* bodies(sql), [])
    })
  )

  law("keeps all of a key in doubt, and takes it once that is settled", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const retention = yield* Retention
      const sql = yield* PgClient.PgClient
      // Refused, reopened, and in doubt since: its first receipt has a body.
      const key = keyOf("1")
      const first = yield* claimed(key, { request: `{"to":"ada"}` })
      yield* settle(first, refused)
      yield* ledger.apply(
        key,
        {
          _tag: "Ruling",
          attempt: 1,
          ruling: { _tag: "Reopen" },
          operator: "dana",
          reason: "mended",
          force: true
        },
        "0190abcd-ef12-7000-8000-000000000001"
      )
      const second = { ...first, token: "11111111-2222-4333-8444-555555555555", seenAttempt: 1 }
      assert.strictEqual((yield* ledger.claim(second))._tag, "Claimed")
      yield* settle(second, unknown)
      yield* done(keyOf("2"))
      yield* readable
      assert.deepStrictEqual(yield* retention.purge(0), { bodies: 1, requests: 0, pinned: 1 })
      assert.deepStrictEqual(yield* bodies(sql), [key.label])
      assert.deepStrictEqual(yield* sql`SELECT request FROM fibric.ledger WHERE request IS NOT NULL`, [
        { request: `{"to":"ada"}` }
      ])
      yield* settle(second, performed)
      yield* readable
      const after = yield* retention.purge(0)
      assert.deepStrictEqual([after.bodies, after.pinned], [2, 0])
      assert.isAtLeast(after.requests, 1)
      assert.deepStrictEqual(yield* bodies(sql), [])
      assert.deepStrictEqual(
        yield* sql`
          SELECT 1 FROM fibric.ledger WHERE request IS NOT NULL OR refusal IS NOT NULL
          UNION ALL SELECT 1 FROM fibric.attempt WHERE refusal IS NOT NULL`,
        []
      )
    })
  )

  law("remembers up to where all is done", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* done(keyOf("1"))
      yield* repeated(keyOf("1"), "deduplicated", 3)
      yield* readable
      yield* (yield* Retention).purge(0)
      const [mark] = yield* sql<{ purged: boolean }>`
        SELECT purged = (SELECT transaction FROM fibric.receipt_log ORDER BY transaction DESC LIMIT 1) AS purged
        FROM fibric.sealing`
      assert.deepStrictEqual(mark, { purged: true })
    })
  )

  it.live("leaves what was asked answered: never performed again, without the output that is gone", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const { layer, world } = makeWorld()
      const runtime = layer.pipe(
        Layer.provideMerge(FibricPostgres.layer),
        Layer.provide([PgClient.layer({ url, maxConnections: 1 }), Logger.layer([])])
      )
      const receipt = yield* Effect.provide(
        Effect.gen(function* () {
          const { receipt } = yield* execute(notify("1"))
          world.answer = () => Effect.fail(new EmailRefused({ reason: "no such box" }))
          yield* Effect.flip(execute(notify("2")))
          return receipt
        }),
        runtime
      )
      yield* onDatabase(url, (sql) =>
        Effect.andThen(readableOn(sql), sql`SELECT bodies::int FROM fibric.purge_bodies(0, NULL, 1000)`)
      )
      // Another process: the one that performed it remembers its answer for a minute.
      yield* Effect.provide(
        Effect.gen(function* () {
          const again = yield* execute(notify("1"))
          assert.deepStrictEqual([again.receipt.id, again.output], [receipt.id, Option.none()])
          const refusal = yield* Effect.flip(execute(notify("2")))
          assert.strictEqual(refusal._tag, "StoredRefusalUnreadable")
          assert.include(refusal.message, "was purged")
        }),
        runtime
      )
      assert.lengthOf(world.calls, 2)
    })
  )
})
