/**
 * receipts: what the ledger says about a key, read as anybody can read it: from the public SQL view
 * `fibric.receipts`.
 */
import { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Schema } from "effect"
import * as Draw from "../draw.ts"

/** The query to run by oneself, line by line. */
export const totalsSql = (key: string): ReadonlyArray<string> => [
  "select outcome, sum(count) from fibric.receipts",
  `where key = '${key}' group by outcome;`
]

const decodeTotals = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ outcome: Schema.String, requests: Schema.Int }))
)

/** How many requests for the key ended in each outcome. */
export const totalsOf = Effect.fnUntraced(function* (key: string) {
  const sql = yield* PgClient.PgClient
  const rows = yield* decodeTotals(
    yield* sql`SELECT outcome, sum(count)::int AS requests FROM fibric.receipts WHERE key = ${key} GROUP BY outcome`
  )
  const of = (outcome: string): number => rows.find((row) => row.outcome === outcome)?.requests ?? 0
  const { deduplicated, joined } = { deduplicated: of("deduplicated"), joined: of("joined") }
  return {
    performed: of("performed"),
    joined,
    deduplicated,
    repeats: joined + deduplicated,
    inDoubt: of("in_doubt"),
    resolved: of("resolved"),
    all: rows.reduce((sum, { requests }) => sum + requests, 0)
  }
})

const decodeReceipts = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({
      id: Schema.String,
      at: Schema.DateTimeUtcFromDate,
      outcome: Schema.String,
      operator: Schema.String,
      attempt: Schema.Int,
      duration_millis: Schema.NullOr(Schema.Int),
      reason: Schema.NullOr(Schema.String)
    })
  )
)

/** Draws the receipt that settled the key, and returns its id. */
export const drawSettling = Effect.fnUntraced(function* (key: string, messageId: string) {
  const sql = yield* PgClient.PgClient
  const found = yield* decodeReceipts(
    yield* sql`
      SELECT id, at, outcome, operator, attempt, duration_millis, reason FROM fibric.receipts
      WHERE key = ${key} AND outcome IN ('performed', 'resolved') ORDER BY at`
  )
  for (const { at, attempt, duration_millis, id, operator, outcome, reason } of found) {
    const took = duration_millis === null ? "" : `, which took ${duration_millis} ms`
    yield* Draw.block(`${outcome}  ${key}`, [
      `receipt  ${id}`,
      `at       ${DateTime.formatIso(at)}, by ${operator}`,
      `attempt  ${attempt}${took}`,
      `mail     ${messageId}`,
      ...(reason === null ? [] : [`reason   ${reason}`])
    ])
  }
  return found.map(({ id }) => id)
})
