/**
 * OrderEvent: what has happened to an order, and the stream of it that an operator watches.
 *
 * The events' table owns the order: by the transaction that wrote an event, and within it by its number.
 * Transactions commit in another order than they began in, so it is read below the oldest one that still
 * runs: before that everything has ended, and nothing can come in between later. One long transaction
 * anywhere in the cluster holds the stream back; it makes it skip nothing.
 */
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { EventSource } from "fibric"
import { wordsOf } from "./DatabaseWords.ts"
import { type Options, schemaOf } from "./tables.ts"

const common = {
  order: Schema.String,
  /** What the order's version was made to be: an order has one event of a version at most. */
  version: Schema.Int,
  at: Schema.DateTimeUtcFromString
}

export const OrderHeld = Schema.TaggedStruct("OrderHeld", { ...common, reason: Schema.NullOr(Schema.String) })
export const OrderReleased = Schema.TaggedStruct("OrderReleased", {
  ...common,
  reason: Schema.NullOr(Schema.String)
})
export const OrderShipped = Schema.TaggedStruct("OrderShipped", {
  ...common,
  carrier: Schema.String,
  tracking: Schema.String
})

/** Something that happened to an order, by an action or by anybody else. */
export const OrderEvent = Schema.Union([OrderHeld, OrderReleased, OrderShipped])
export type OrderEvent = typeof OrderEvent.Type

/** Where an event stands, as text: numbers of this size don't survive in JavaScript. */
const Row = Schema.Struct({
  writer: Schema.String,
  number: Schema.String,
  event: Schema.fromJsonString(OrderEvent)
})

const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))

/** How many events one look reads at most. */
const maxPage = 1_000

const beginning = { transaction: "0", id: "0" }

const placeOf = (cursor: string | undefined): typeof beginning | undefined => {
  if (cursor === undefined) return beginning
  const [, transaction, id] = /^(\d{1,19})-(\d{1,18})$/.exec(cursor) ?? []
  return transaction === undefined || id === undefined ? undefined : { transaction, id }
}

/**
 * The events of the orders in this schema, over the client in the context. The source's name is the
 * schema's. One look reads at most 1,000. Whoever reads keeps the cursor, across restarts too.
 */
export const events = (options?: Options): EventSource.EventSource<OrderEvent, SqlClient.SqlClient> => {
  const schema = schemaOf(options)
  const unavailable = (reason: string) => new EventSource.SourceUnavailable({ source: schema, reason })
  return {
    name: schema,
    read: Effect.fn("Orders.events")(function* (after, limit) {
      const sql = yield* SqlClient.SqlClient
      const place = placeOf(after)
      if (place === undefined) return yield* unavailable(`"${after}" is no cursor of it`)
      const rows = yield* Effect.mapError(
        select(sql, schema, place, Math.min(Math.max(1, Math.floor(limit)), maxPage)),
        (error) => unavailable(wordsOf(error))
      )
      const found = yield* Effect.mapError(decodeRows(rows), ({ message }) =>
        unavailable(`a row of its table does not fit (${message})`)
      )
      return found.map(({ event, number, writer }) => ({ event, cursor: `${writer}-${number}` }))
    })
  }
}

// As JSON text, so that it does not depend on how the app's client reads a column's type. The columns that it
// is ordered by must not hide behind the names of what is read as text: 1000 would come before 999.
const select = (sql: SqlClient.SqlClient, schema: string, place: typeof beginning, limit: number) =>
  sql`
    SELECT transaction::text AS writer, id::text AS number, CASE kind
      WHEN 'shipped' THEN json_build_object('_tag', 'OrderShipped', 'order', order_id, 'version', version,
        'at', ${utc(sql)}, 'carrier', carrier, 'tracking', tracking)
      ELSE json_build_object('_tag', CASE kind WHEN 'held' THEN 'OrderHeld' ELSE 'OrderReleased' END,
        'order', order_id, 'version', version, 'at', ${utc(sql)}, 'reason', reason)
      END::text AS event
    FROM ${sql(schema)}.events
    WHERE transaction < pg_snapshot_xmin(pg_current_snapshot())
      AND (transaction, id) > (${place.transaction}::text::xid8, ${place.id}::text::bigint)
    ORDER BY transaction, id LIMIT ${limit}::int`.withoutTransform

const utc = (sql: SqlClient.SqlClient) =>
  sql.literal(`to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`)
