/**
 * The statements that read receipts, one named function each.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Schema } from "effect"
import type { SqlError, Statement } from "effect/sql"
import * as IdempotencyKey from "../domain/IdempotencyKey.ts"
import type { Receipt } from "../domain/Receipt.ts"
import { entitiesOf, isKeyHash, type ReceiptFilter } from "../domain/ReceiptFilter.ts"
import { firstId, type Place } from "./ReceiptCursor.ts"
import { receiptColumns, ReceiptRow, toReceipt } from "./ReceiptRow.ts"
import { decoded } from "./statements.ts"

type Sql = PgClient.PgClient
type Reading<A> = Effect.Effect<A, SqlError.SqlError>

/** A receipt with its transaction. */
export interface Placed {
  readonly transaction: string
  readonly receipt: Receipt
}

/** What was read, as of which snapshot, and below which transaction everything had ended. */
export interface ReadReceipts {
  readonly placed: ReadonlyArray<Placed>
  readonly snapshot: string
  readonly horizon: string
}

// Under a name of its own: as text, "transaction" would sort by its digits.
const PlacedRow = Schema.Struct({ ...ReceiptRow.fields, writer: Schema.String })
const decodePlaced = Schema.decodeUnknownEffect(Schema.Array(PlacedRow))
const NowRow = Schema.Struct({ snapshot: Schema.String, horizon: Schema.String })
const decodeNow = Schema.decodeUnknownEffect(Schema.NonEmptyArray(NowRow))

const wanted = (sql: Sql, filter: ReceiptFilter): ReadonlyArray<Statement.Fragment> => [
  ...(filter.key === undefined ? [] : [ofKey(sql, filter.key)]),
  ...(filter.entity === undefined ? [] : [ofEntity(sql, filter.entity)]),
  ...(filter.operator === undefined ? [] : [sql`operator = ${filter.operator}::text`]),
  ...(filter.capability === undefined ? [] : [sql`capability = ${filter.capability}::text`]),
  ...(filter.outcomes === undefined ? [] : [sql`outcome = ANY(${[...filter.outcomes]}::text[])`]),
  ...(filter.since === undefined ? [] : [sql`at >= ${DateTime.toDateUtc(filter.since)}::timestamptz`]),
  ...(filter.until === undefined ? [] : [sql`at < ${DateTime.toDateUtc(filter.until)}::timestamptz`])
]

/** By hash, for which there is an index, also where only the label is known. */
const ofKey = (sql: Sql, name: string): Statement.Fragment => {
  if (isKeyHash(name)) return sql`key_hash = ${Buffer.from(name, "hex")}::bytea`
  const readings = IdempotencyKey.readings(name)
  return readings === undefined
    ? sql`key = ${name}::text`
    : sql`key_hash = ANY(${readings.map(({ hash }) => hash)}::bytea[])`
}

const ofEntity = (sql: Sql, label: string): Statement.Fragment => {
  const entities = entitiesOf(label)
  return sql`(entity_id, entity_type) IN (
    SELECT * FROM unnest(${entities.map(({ id }) => id)}::text[], ${entities.map(({ type }) => type)}::text[])
  )`
}

const read = (
  sql: Sql,
  clauses: ReadonlyArray<Statement.Fragment>,
  order: "ASC" | "DESC",
  limit: number
): Reading<ReadReceipts> =>
  Effect.gen(function* () {
    const rows = yield* sql<{ readonly [column: string]: unknown }>`
      SELECT pg_current_snapshot()::text AS snapshot, pg_snapshot_xmin(pg_current_snapshot())::text AS horizon,
        ${sql.literal(receiptColumns)}, receipt.writer
      FROM (SELECT 1) AS always LEFT JOIN (
        SELECT ${sql.literal(receiptColumns)}, transaction::text AS writer, transaction AS place
        FROM fibric.receipt_log WHERE ${sql.and(clauses)}
        ORDER BY transaction ${sql.literal(order)}, id ${sql.literal(order)} LIMIT ${limit}::int
      ) AS receipt ON true
      ORDER BY place ${sql.literal(order)}, id ${sql.literal(order)}`
    const [now] = yield* decodeNow(rows)
    const found = yield* decodePlaced(rows.filter(({ id }) => id !== null))
    const placed = found.map((row) => ({ transaction: row.writer, receipt: toReceipt(row) }))
    return { ...now, placed }
  }).pipe(decoded)

/** The first or the next page, as of the first one's snapshot. */
export const page = (
  sql: Sql,
  filter: ReceiptFilter,
  order: "newest" | "oldest",
  limit: number,
  past: Place | undefined
): Reading<ReadReceipts> => {
  const clauses = wanted(sql, filter)
  if (past === undefined) return read(sql, clauses, order === "newest" ? "DESC" : "ASC", limit)
  const asOf = sql`pg_visible_in_snapshot(transaction, ${past.snapshot}::text::pg_snapshot)`
  const here = sql`(${past.transaction}::text::xid8, ${past.id}::uuid)`
  return order === "newest"
    ? read(sql, [...clauses, asOf, sql`(transaction, id) < ${here}`], "DESC", limit)
    : read(sql, [...clauses, asOf, sql`(transaction, id) > ${here}`], "ASC", limit)
}

/** What comes after a place, of transactions before which everything has ended: nothing commits in between later. */
export const after = (sql: Sql, filter: ReceiptFilter, past: Place, limit: number): Reading<ReadReceipts> =>
  read(
    sql,
    [
      ...wanted(sql, filter),
      sql`transaction < pg_snapshot_xmin(pg_current_snapshot())`,
      sql`(transaction, id) > (${past.transaction}::text::xid8, ${past.id}::uuid)`
    ],
    "ASC",
    limit
  )

/** Where what commits from now on begins. */
export const now = (sql: Sql): Reading<Place> =>
  sql`SELECT pg_current_snapshot()::text AS snapshot, pg_snapshot_xmin(pg_current_snapshot())::text AS horizon`.pipe(
    Effect.flatMap(decodeNow),
    Effect.map(([{ horizon, snapshot }]) => ({ transaction: horizon, id: firstId, snapshot })),
    decoded
  )

/**
 * Whether receipts on both sides of a place have become one since its snapshot. Only the seal's range that
 * the place lies in can hold such a one.
 */
export const isTorn = (
  sql: Sql,
  filter: ReceiptFilter,
  place: Place,
  order: "newest" | "oldest"
): Reading<boolean> => {
  const here = sql`(${place.transaction}::text::xid8, ${place.id}::uuid)`
  return Effect.map(
    sql`
      SELECT 1 FROM fibric.receipt_log
      WHERE ${sql.and([
        ...wanted(sql, filter),
        sql`transaction >= ${place.transaction}::text::xid8`,
        sql`transaction <= (
          SELECT up_to FROM fibric.seal WHERE up_to >= ${place.transaction}::text::xid8 ORDER BY up_to LIMIT 1
        )`,
        sql`folded_by IS NOT NULL AND NOT pg_visible_in_snapshot(folded_by, ${place.snapshot}::text::pg_snapshot)`,
        // The place itself was read before.
        order === "newest"
          ? sql`(transaction, id) >= ${here} AND (first_transaction, first_id) < ${here}`
          : sql`(transaction, id) > ${here} AND (first_transaction, first_id) <= ${here}`
      ])}
      LIMIT 1`,
    (rows) => rows.length > 0
  )
}
