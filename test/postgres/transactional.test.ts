/**
 * Effects in the ledger's own database: they commit with their settlement, or not at all.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import {
  Capability,
  Connector,
  Entity,
  execute,
  LedgerTransaction,
  NotPerformed,
  ReceiptLog,
  Recovery,
  Settings
} from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import { eventually } from "../support/asker.ts"
import { layerFreshClient } from "../support/database.ts"
import { fault } from "../support/fault.ts"

class NoSuchOrder extends Schema.TaggedError<NoSuchOrder>()("NoSuchOrder", { id: Schema.String }) {}

const Shelf = Entity.make("shelf")

const Book = Capability.make("book", {
  entity: Shelf,
  payload: { order: Schema.String },
  success: Schema.Struct({ row: Schema.Int }),
  error: NoSuchOrder,
  occasion: ({ order }) => order,
  recovery: Recovery.transactional,
  deadline: "3 seconds"
})

type Sql = LedgerTransaction["Service"]
type Work = (sql: Sql, tries: number) => ReturnType<Connector.Perform<typeof Book>>

/** Writes a booking, then does what the test wants. */
const insert = (sql: Sql, order: string) =>
  Effect.map(sql<{ id: number }>`INSERT INTO booking (name) VALUES (${order}) RETURNING id`, ([row]) => ({
    row: row?.id ?? 0
  }))

const booked = (sql: Sql) => Effect.orDie(insert(sql, "1"))

const setUp = (work: Work) => {
  let tries = 0
  const connector = Connector.make("shelves", Book).toLayer({
    book: () =>
      Effect.flatMap(LedgerTransaction, (sql) => {
        tries += 1
        return work(sql, tries)
      })
  })
  const table = Layer.effectDiscard(
    Effect.flatMap(
      PgClient.PgClient,
      (sql) =>
        sql`CREATE TABLE booking (id serial PRIMARY KEY, name text NOT NULL, transaction xid8 DEFAULT pg_current_xact_id())`
    )
  )
  return {
    tries: () => tries,
    layer: connector.pipe(
      Layer.provideMerge(layerPostgres),
      Layer.provideMerge(Layer.provideMerge(table, layerFreshClient)),
      Layer.provide(Settings.layer({ drainMillis: 0 }))
    )
  }
}

const action = Book.propose(Shelf.at("1"), { order: "1" })

const bookings = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return (yield* sql`SELECT 1 FROM booking`).length
})

const receipts = Effect.gen(function* () {
  const log = yield* ReceiptLog
  return (yield* log.byKey(action.key)).map(({ outcome, proof }) => [outcome, proof])
})

describe("a transactional effect", () => {
  it.live("is there with its receipt, once, however often it is asked for", () => {
    const { layer } = setUp(booked)
    return Effect.gen(function* () {
      const answers = yield* Effect.replicateEffect(execute(action), 20, { concurrency: "unbounded" })
      assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
      assert.strictEqual(yield* bookings, 1)
    }).pipe(Effect.provide(layer))
  })

  it.live("commits in the same transaction as its settlement", () => {
    const { layer } = setUp(booked)
    return Effect.gen(function* () {
      yield* execute(action)
      const sql = yield* PgClient.PgClient
      const rows = yield* sql<{ booked: string; settled: string }>`
        SELECT booking.transaction::text AS booked, receipt.transaction::text AS settled
        FROM booking, fibric.receipt_log AS receipt WHERE receipt.outcome = 'performed'`
      assert.strictEqual(rows.length, 1)
      assert.strictEqual(rows[0]?.booked, rows[0]?.settled)
    }).pipe(Effect.provide(layer))
  })

  it.live("that refuses is taken back, and the refusal settled", () => {
    const { layer } = setUp((sql) =>
      Effect.andThen(Effect.orDie(insert(sql, "1")), Effect.fail(new NoSuchOrder({ id: "1" })))
    )
    return Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(execute(action)))._tag, "NoSuchOrder")
      assert.strictEqual(yield* bookings, 0)
      assert.deepStrictEqual(yield* receipts, [["refused", null]])
    }).pipe(Effect.provide(layer))
  })

  it.live("that dies is taken back and tried again by itself", () => {
    const { layer, tries } = setUp((sql, tries) =>
      tries < 3 ? Effect.andThen(Effect.orDie(insert(sql, "1")), Effect.die("a lock was lost")) : booked(sql)
    )
    return Effect.gen(function* () {
      const { receipt } = yield* execute(action)
      assert.deepStrictEqual([receipt.outcome, receipt.attempt], ["performed", 3])
      assert.strictEqual(yield* bookings, 1)
      assert.strictEqual(tries(), 3)
      assert.deepStrictEqual(yield* receipts, [
        ["released", "rolled_back"],
        ["released", "rolled_back"],
        ["performed", null]
      ])
    }).pipe(Effect.provide(layer))
  })

  it.live("that dies each time is told as not performed in the end, and is in no doubt", () => {
    const { layer, tries } = setUp(() => Effect.die("always"))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(execute(action))
      assert.instanceOf(error, NotPerformed)
      assert.strictEqual(error.proof, "rolled_back")
      assert.include(error.reason, "always")
      assert.strictEqual(tries(), 6)
    }).pipe(Effect.provide(layer))
  })

  it.live("that went on after one of its statements failed is taken back whole", () => {
    const { layer } = setUp((sql, tries) =>
      tries === 1
        ? Effect.andThen(
            Effect.orDie(insert(sql, "1")),
            Effect.as(Effect.ignore(sql`INSERT INTO booking (name) VALUES (NULL)`), { row: 1 })
          )
        : booked(sql)
    )
    return Effect.gen(function* () {
      const { receipt } = yield* execute(action)
      assert.strictEqual(receipt.attempt, 2)
      assert.strictEqual(yield* bookings, 1)
    }).pipe(Effect.provide(layer))
  })

  it.live(`${fault("backend killed")} whose connection is killed is performed once all the same`, () => {
    const { layer } = setUp((sql, tries) =>
      tries === 1
        ? Effect.andThen(
            Effect.orDie(insert(sql, "1")),
            Effect.orDie(Effect.as(sql`SELECT pg_terminate_backend(pg_backend_pid())`, { row: 1 }))
          )
        : booked(sql)
    )
    return Effect.gen(function* () {
      const { receipt } = yield* execute(action)
      assert.strictEqual(receipt.outcome, "performed")
      assert.strictEqual(yield* bookings, 1)
      const log = yield* ReceiptLog
      const [released] = yield* log.byKey(action.key)
      assert.match(released?.reason ?? "", /^the connector died: .*onnection/)
    }).pipe(Effect.provide(layer))
  })

  it.live("that does not end within its deadline is taken back; the entity's next action runs", () => {
    const { layer } = setUp((sql, tries) =>
      tries === 1 ? Effect.andThen(Effect.orDie(insert(sql, "1")), Effect.never) : booked(sql)
    )
    return Effect.gen(function* () {
      const asking = yield* Effect.forkChild(Effect.result(execute(action)))
      const sql = yield* PgClient.PgClient
      const open = sql`SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND application_name = 'fibric'`
      yield* eventually(Effect.map(open, (rows) => (rows.length > 0 ? true : undefined)))
      const next = yield* execute(Book.propose(Shelf.at("1"), { order: "2" }))
      assert.strictEqual(next.receipt.outcome, "performed")
      yield* Fiber.join(asking)
      const [first] = yield* receipts
      assert.deepStrictEqual(first, ["released", "rolled_back"])
    }).pipe(Effect.provide(layer))
  })
})

describe("execute inside the app's own open transaction", () => {
  it.live("is refused with the outbox's name, and nothing is performed", () => {
    const { layer, tries } = setUp(booked)
    return Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const error = yield* Effect.flip(sql.withTransaction(execute(action)))
      assert.strictEqual(error._tag, "InsideTransaction")
      assert.include(error.message, "outbox")
      assert.strictEqual(tries(), 0)
      assert.deepStrictEqual(yield* receipts, [])
      assert.strictEqual((yield* execute(action)).receipt.outcome, "performed")
    }).pipe(Effect.provide(layer))
  })
})
