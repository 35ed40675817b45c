/**
 * Orders in the ledger's own database: what is done to one commits with its receipt, what is refused leaves
 * it as it was, and what counts as the same intention follows from the order's version.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer, Option } from "effect"
import { EventSource, NotPerformed, ReceiptLog } from "fibric"
import * as Orders from "../../connectors/orders-postgres/index.ts"
import { eventually } from "../support/asker.ts"
import { layerFreshClient } from "../support/database.ts"
import { hold, holding, layerOrders, layerTables, open, orderOf, release, ship } from "./orders-support.ts"

const law = (sentence: string, body: () => Effect.Effect<void, unknown, Layer.Success<typeof layerOrders>>) =>
  it.live(sentence, () => Effect.provide(body(), layerOrders))

/** What an action was refused with: the problem, and the version that the order had. */
const refusalOf = <A, E extends { readonly _tag: string }, R>(asked: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(asked), (error) =>
    error instanceof Orders.OrderRefused ? [error.problem, error.version] : [error._tag]
  )

const eventsOf = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return yield* sql<{ kind: string; version: number; transaction: string }>`
    SELECT kind, version, transaction::text AS transaction FROM orders.events ORDER BY events.transaction, id`
})

describe("an order", () => {
  law("is held, released and shipped, each time under the version that was decided on", () =>
    Effect.gen(function* () {
      yield* open("1")
      const outputs = [yield* hold("1", 1), yield* release("1", 2), yield* ship("1", 3)]
      assert.deepStrictEqual(
        outputs.map(({ output }) => Option.getOrUndefined(output)),
        [{ version: 2 }, { version: 3 }, { version: 4 }]
      )
      assert.deepStrictEqual(yield* orderOf("1"), ["shipped", 4])
      assert.deepStrictEqual(
        (yield* eventsOf).map(({ kind, version }) => [kind, version]),
        [
          ["held", 2],
          ["released", 3],
          ["shipped", 4]
        ]
      )
    })
  )

  law("that is asked for 100 times is shipped once, in the transaction of its receipt", () =>
    Effect.gen(function* () {
      yield* open("1")
      const answers = yield* Effect.replicateEffect(ship("1", 1), 100, { concurrency: "unbounded" })
      assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
      const sql = yield* PgClient.PgClient
      const receipts = yield* sql<{ transaction: string }>`
        SELECT transaction::text AS transaction FROM fibric.receipt_log WHERE outcome = 'performed'`
      assert.deepStrictEqual(
        (yield* eventsOf).map(({ transaction }) => transaction),
        receipts.map(({ transaction }) => transaction)
      )
    })
  )

  law("can be held anew after a release: that is another intention, of another version", () =>
    Effect.gen(function* () {
      yield* open("1")
      yield* hold("1", 1)
      yield* release("1", 2)
      yield* hold("1", 1, "said in other words")
      assert.deepStrictEqual(yield* orderOf("1"), ["open", 3])
      yield* hold("1", 3)
      assert.deepStrictEqual(yield* orderOf("1"), ["on_hold", 4])
      const log = yield* ReceiptLog
      assert.deepStrictEqual(yield* log.totals(holding("1", 1).key), { performed: 1, deduplicated: 1 })
    })
  )

  law("is changed for the first of two that were decided on one version, and refused to the other", () =>
    Effect.gen(function* () {
      yield* open("1")
      yield* hold("1", 1)
      assert.deepStrictEqual(yield* refusalOf(ship("1", 1)), ["changed", 2])
      assert.deepStrictEqual(yield* orderOf("1"), ["on_hold", 2])
    })
  )

  law("keeps what it has where an action is refused, and the refusal says why", () =>
    Effect.gen(function* () {
      yield* open("1", "2")
      assert.deepStrictEqual(yield* refusalOf(hold("nobody's", 1)), ["unknown", null])
      assert.deepStrictEqual(yield* refusalOf(release("1", 1)), ["not_on_hold", 1])
      yield* hold("1", 1)
      assert.deepStrictEqual(yield* refusalOf(ship("1", 2)), ["on_hold", 2])
      assert.deepStrictEqual(yield* refusalOf(hold("1", 2)), ["on_hold", 2])
      yield* ship("2", 1)
      assert.deepStrictEqual(yield* refusalOf(hold("2", 2)), ["shipped", 2])
      assert.deepStrictEqual(yield* refusalOf(ship("2", 2, "another parcel")), ["shipped", 2])
      assert.strictEqual((yield* eventsOf).length, 2)
    })
  )

  law("gives the same refusal when it is asked again, and frees the next version", () =>
    Effect.gen(function* () {
      yield* open("1")
      yield* hold("1", 1)
      yield* Effect.flip(ship("1", 2))
      yield* release("1", 2)
      assert.deepStrictEqual(yield* refusalOf(ship("1", 2)), ["on_hold", 2])
      yield* ship("1", 3)
      assert.deepStrictEqual(yield* orderOf("1"), ["shipped", 4])
    })
  )

  law("is not refused for a version that nobody can have seen: the key stays free for when it is there", () =>
    Effect.gen(function* () {
      yield* open("1")
      const error = yield* Effect.flip(ship("1", 2))
      assert.instanceOf(error, NotPerformed)
      assert.include(error.message, `order "1" is at version 1, and not yet at 2`)
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE orders.orders SET reason = 'looked at by Dana' WHERE id = '1'`
      assert.strictEqual((yield* ship("1", 2)).receipt.outcome, "performed")
    })
  )

  law("that somebody is changing in plain SQL is waited for, and decided on as it then is", () =>
    Effect.gen(function* () {
      yield* open("1")
      const sql = yield* PgClient.PgClient
      const changed = yield* Deferred.make<void>()
      const commit = yield* Deferred.make<void>()
      yield* Effect.forkChild(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`UPDATE orders.orders SET status = 'on_hold' WHERE id = '1'`
            yield* Deferred.succeed(changed, undefined)
            yield* Deferred.await(commit)
          })
        )
      )
      yield* Deferred.await(changed)
      const asking = yield* Effect.forkChild(refusalOf(ship("1", 1)))
      const waiting = sql`
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'fibric' AND wait_event_type = 'Lock'`
      yield* eventually(Effect.map(waiting, (rows) => (rows.length > 0 ? true : undefined)))
      yield* Deferred.succeed(commit, undefined)
      assert.deepStrictEqual(yield* Fiber.join(asking), ["changed", 2])
    })
  )

  law("is refused before anything is claimed where the words can't be stored", () =>
    Effect.gen(function* () {
      yield* open("1")
      for (const words of ["nul \0", "half \ud800", "two\nlines", ""]) {
        assert.deepStrictEqual(yield* refusalOf(hold("1", 1, words)), ["InvalidPayload"])
        assert.deepStrictEqual(yield* refusalOf(ship("1", 1, words)), ["InvalidPayload"])
      }
    })
  )
})

describe("the tables", () => {
  it.live("are made once, however many start at the same time, and can be in another schema", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const schema = `the "shop"`
      yield* Effect.replicateEffect(Orders.migrate({ schema }), 4, { concurrency: "unbounded" })
      yield* Orders.migrate({ schema })
      yield* sql`INSERT INTO ${sql(schema)}.orders (id) VALUES ('1')`
      yield* sql`UPDATE ${sql(schema)}.orders SET status = 'on_hold', reason = 'Dana says so'`
      const source = Orders.events({ schema })
      const first = yield* eventually(Effect.map(source.read(undefined, 1), ([first]) => first))
      const event = EventSource.isOccurrence(first) ? first.event : undefined
      assert.deepInclude(event, { _tag: "OrderHeld", order: "1", version: 2, reason: "Dana says so" })
      assert.strictEqual((yield* sql`SELECT 1 FROM pg_namespace WHERE nspname = 'orders'`).length, 0)
    }).pipe(Effect.provide(layerFreshClient))
  )

  it.live("let a role that may only change orders do so, and leave the event to their owner", () =>
    Effect.gen(function* () {
      yield* open("1")
      const sql = yield* PgClient.PgClient
      const role = `clerk_${(yield* sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`)[0]?.pid}`
      yield* sql`CREATE ROLE ${sql(role)}`
      yield* sql`GRANT USAGE ON SCHEMA orders TO ${sql(role)}`
      yield* sql`GRANT SELECT, UPDATE ON orders.orders TO ${sql(role)}`
      const events = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SET LOCAL ROLE ${sql(role)}`
          yield* sql`UPDATE orders.orders SET status = 'on_hold' WHERE id = '1'`
          const read = yield* Effect.result(sql.withTransaction(sql`SELECT 1 FROM orders.events`))
          yield* sql`RESET ROLE`
          return [read._tag, (yield* eventsOf).map(({ kind }) => kind)]
        })
      )
      yield* sql`DROP OWNED BY ${sql(role)}`
      yield* sql`DROP ROLE ${sql(role)}`
      assert.deepStrictEqual(events, ["Failure", ["held"]])
    }).pipe(Effect.provide(layerTables))
  )

  it.live("take no shipment back, and let no order have another id", () =>
    Effect.gen(function* () {
      yield* open("1")
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE orders.orders SET status = 'shipped', carrier = 'Pony Express', tracking = 'x'`
      const back = yield* Effect.result(
        sql`UPDATE orders.orders SET status = 'open', carrier = NULL, tracking = NULL`
      )
      const renamed = yield* Effect.result(sql`UPDATE orders.orders SET id = '2'`)
      assert.deepStrictEqual([back._tag, renamed._tag], ["Failure", "Failure"])
      assert.deepStrictEqual(yield* orderOf("1"), ["shipped", 2])
    }).pipe(Effect.provide(layerTables))
  )
})
