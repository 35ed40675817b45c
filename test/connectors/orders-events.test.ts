/**
 * The events of orders: by whomever an order is changed, in an order that a cursor can be kept in, also
 * where transactions commit in another order than they began in.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer, Schema } from "effect"
import { EventSource } from "fibric"
import * as Orders from "../../connectors/orders-postgres/index.ts"
import { hold, layerOrders, layerTables, open, release, ship } from "./orders-support.ts"

type Read = ReadonlyArray<EventSource.Occurrence<Orders.OrderEvent>>

/** One look of a reader that has just started: all that it brings is the cursor. */
const look = (after: string | undefined, limit = 100) =>
  Effect.map(Orders.events().read(after, limit), (read) => read.filter(EventSource.isOccurrence))

/** Reads on from a cursor until so many have come, a few at a time, each time as after a restart. */
const readOn = Effect.fnUntraced(function* (count: number, atATime: number, after?: string) {
  const seen: Array<Read[number]> = []
  let cursor = after
  while (seen.length < count) {
    const some = yield* look(cursor, atATime)
    seen.push(...some)
    cursor = some.at(-1)?.cursor ?? cursor
    // Lets the others on.
    if (some.length === 0) yield* Effect.yieldNow
  }
  return seen
})

const shortly = (read: Read) => read.map(({ event }) => [event._tag, event.order, event.version])

const law = (sentence: string, body: () => Effect.Effect<void, unknown, Layer.Success<typeof layerOrders>>) =>
  it.live(sentence, () => Effect.provide(body(), layerOrders))

describe("an event", () => {
  law("is told of what an action did, and of what somebody did in plain SQL, and of nothing else", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* open("1", "2")
      yield* hold("1", 1, "who is Ada?")
      yield* Effect.flip(ship("1", 2))
      yield* sql`UPDATE orders.orders SET status = 'open', reason = NULL WHERE id = '1'`
      yield* sql`UPDATE orders.orders SET reason = 'only a note' WHERE id = '1'`
      yield* ship("1", 4, "1Z-1")
      yield* sql`INSERT INTO orders.orders (id, status, reason) VALUES ('3', 'on_hold', 'imported')`
      yield* Effect.ignore(
        sql.withTransaction(
          Effect.andThen(sql`UPDATE orders.orders SET status = 'on_hold' WHERE id = '2'`, Effect.fail("no"))
        )
      )
      const read = yield* readOn(4, 100)
      assert.deepStrictEqual(
        read.map(({ event }) => ({ ...event, at: "then" })),
        [
          { _tag: "OrderHeld", order: "1", version: 2, at: "then", reason: "who is Ada?" },
          { _tag: "OrderReleased", order: "1", version: 3, at: "then", reason: null },
          {
            _tag: "OrderShipped",
            order: "1",
            version: 5,
            at: "then",
            carrier: "Pony Express",
            tracking: "1Z-1"
          },
          { _tag: "OrderHeld", order: "3", version: 1, at: "then", reason: "imported" }
        ]
      )
      assert.deepStrictEqual(yield* look(read.at(-1)?.cursor), [])
    })
  )

  law("can be kept as JSON, and read back", () =>
    Effect.gen(function* () {
      yield* open("1")
      yield* hold("1", 1)
      const [held] = yield* readOn(1, 1)
      const codec = Schema.fromJsonString(Orders.OrderEvent)
      const kept = yield* Schema.encodeUnknownEffect(codec)(held?.event)
      assert.deepStrictEqual(yield* Schema.decodeEffect(codec)(kept), held?.event)
    })
  )
})

describe("the order of events", () => {
  it.live("holds back what was committed early behind what may still commit, and then skips neither", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* open("early", "late")
      const written = yield* Deferred.make<void>()
      const commit = yield* Deferred.make<void>()
      const late = yield* Effect.forkChild(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`UPDATE orders.orders SET status = 'on_hold' WHERE id = 'late'`
            yield* Deferred.succeed(written, undefined)
            yield* Deferred.await(commit)
          })
        )
      )
      yield* Deferred.await(written)
      yield* sql`UPDATE orders.orders SET status = 'on_hold' WHERE id = 'early'`
      const before = yield* look(undefined)
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(late)
      assert.deepStrictEqual(before, [])
      assert.deepStrictEqual(shortly(yield* readOn(2, 1)), [
        ["OrderHeld", "late", 2],
        ["OrderHeld", "early", 2]
      ])
    }).pipe(Effect.provide(layerTables))
  )

  it.live("is that of the transactions' numbers, also where these get another digit", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* open("1", "2", "3")
      yield* sql`UPDATE orders.orders SET status = 'on_hold'`
      yield* sql`UPDATE orders.events SET transaction = (ARRAY['9', '10', '100'])[order_id::int]::xid8`
      assert.deepStrictEqual(
        (yield* readOn(3, 1)).map(({ cursor, event }) => [event.order, cursor.split("-")[0]]),
        [
          ["1", "9"],
          ["2", "10"],
          ["3", "100"]
        ]
      )
    }).pipe(Effect.provide(layerTables))
  )

  const writers = 8
  const ordersEach = 15

  law("shows a reader that stops and resumes each event once, beside writers that commit out of order", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const idsOf = (writer: number) =>
        Array.from({ length: ordersEach }, (_, number) => `${writer}-${number}`)
      yield* open(...Array.from({ length: writers }, (_, writer) => idsOf(writer)).flat())
      /** Half of them act through fibric; the others' transactions stay open for a while. */
      const change = Effect.fnUntraced(function* (writer: number, id: string, number: number) {
        if (writer % 2 === 0) {
          yield* hold(id, 1)
          yield* release(id, 2)
          yield* ship(id, 3)
          return
        }
        const all = Effect.gen(function* () {
          yield* sql`UPDATE orders.orders SET status = 'on_hold' WHERE id = ${id}`
          yield* sql`SELECT pg_sleep(${((number * 7 + writer * 3) % 20) / 1_000}::float8)`
          yield* sql`UPDATE orders.orders SET status = 'open' WHERE id = ${id}`
          yield* sql`UPDATE orders.orders SET status = 'shipped', carrier = 'c', tracking = 't' WHERE id = ${id}`
        })
        yield* sql.withTransaction(all)
      })
      const reading = yield* Effect.forkChild(readOn(writers * ordersEach * 3, 7))
      yield* Effect.forEach(
        Array.from({ length: writers }, (_, writer) => writer),
        (writer) => Effect.forEach(idsOf(writer), (id, number) => change(writer, id, number)),
        { concurrency: "unbounded" }
      )
      // What was skipped never comes.
      const read = yield* Effect.timeout(Fiber.join(reading), "20 seconds")
      assert.strictEqual(new Set(read.map(({ cursor }) => cursor)).size, read.length)
      for (const id of Array.from({ length: writers }, (_, writer) => idsOf(writer)).flat()) {
        assert.deepStrictEqual(
          shortly(read).filter(([, order]) => order === id),
          [
            ["OrderHeld", id, 2],
            ["OrderReleased", id, 3],
            ["OrderShipped", id, 4]
          ]
        )
      }
      assert.deepStrictEqual(yield* look(read.at(-1)?.cursor), [])
    })
  )
})

describe("a cursor", () => {
  it.live("gives the same events again, from the same place", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* open("1", "2", "3")
      yield* sql`UPDATE orders.orders SET status = 'on_hold'`
      const all = yield* readOn(3, 3)
      assert.deepStrictEqual(yield* look(all[0]?.cursor), all.slice(1))
      assert.deepStrictEqual(yield* look(all[0]?.cursor, 1), all.slice(1, 2))
      assert.deepStrictEqual(yield* look(undefined), all)
    }).pipe(Effect.provide(layerTables))
  )

  it.live("of another source is none of this one", () =>
    Effect.gen(function* () {
      for (const cursor of ["", "12", "1-2-3", "9".repeat(20) + "-1", "x-1"]) {
        assert.include((yield* Effect.flip(look(cursor))).message, `"${cursor}" is no cursor of it`)
      }
    }).pipe(Effect.provide(layerTables))
  )

  it.live("is kept for when the tables are there, or can be read", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Orders.events({ schema: "elsewhere" }).read(undefined, 1))
      assert.strictEqual(error._tag, "SourceUnavailable")
      assert.include(error.message, `The events of "elsewhere" can't be read now`)
    }).pipe(Effect.provide(layerTables))
  )
})
