/**
 * repeats: the receipts of requests that caused nothing, many in one statement.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { ofLedger, type Receipt } from "../domain/Receipt.ts"
import type { Batch, Repeat } from "../kernel/Ledger.ts"
import { flags, hashes, ints, texts, uuids } from "./arrays.ts"
import { decoded } from "./statements.ts"

type Sql = PgClient.PgClient
type Rows = Effect.Effect<ReadonlyArray<object>, SqlError.SqlError>

/** Writes the receipts of a batch of repeats: one that ran before, or whose time is over, adds nothing. */
export const record = (sql: Sql, batch: Batch): Effect.Effect<ReadonlyArray<Receipt>, SqlError.SqlError> =>
  insertRepeats(sql, batch).pipe(
    Effect.flatMap(decodeWritten),
    Effect.map((rows) => {
      const written = new Map(rows.map((row) => [row.id, row]))
      return batch.repeats.flatMap((repeat) => {
        const row = written.get(repeat.receiptId)
        return row === undefined ? [] : [asWritten(repeat, row)]
      })
    }),
    decoded
  )

/**
 * The receipts of a batch of repeats: one that ran before, or whose time is over, adds nothing. The rows that
 * some stand on are held until the commit, so that nothing is told of a key after it has moved; and the time
 * is looked at when they are had.
 */
const insertRepeats = (sql: Sql, { id, notAfterMillis, repeats }: Batch): Rows => {
  const standing = repeats.some(({ onlyIfStands }) => onlyIfStands)
  return sql`
    WITH repeat AS (${asRelation(sql, repeats)}), ${standing ? held(sql) : sql`held AS (SELECT NULL::uuid AS id)`},
    batch AS (
      INSERT INTO fibric.receipt_batch (id, not_after, moved)
      SELECT ${id}::uuid, not_after, moved FROM (
        SELECT to_timestamp(${notAfterMillis / 1_000}::float8) AS not_after, (${standing ? moved(sql) : sql`NULL::uuid[]`}) AS moved
        OFFSET 0
      ) AS time
      WHERE clock_timestamp() < not_after
      ON CONFLICT DO NOTHING
      RETURNING 1
    )
    INSERT INTO fibric.receipt_log (
      id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to, reason
    )
    SELECT repeat.id, repeat.outcome, repeat.operator, repeat.capability, repeat.key_hash, repeat.key,
      repeat.entity_type, repeat.entity_id, COALESCE(repeat.attempt, ledger.attempt, 0), repeat.count,
      repeat.refers_to, repeat.reason
    FROM batch, repeat LEFT JOIN fibric.ledger AS ledger ON ledger.key_hash = repeat.key_hash
    WHERE NOT repeat.only_if_stands OR repeat.id IN (SELECT id FROM held)
    RETURNING id, at, attempt`
}

const asRelation = (sql: Sql, repeats: ReadonlyArray<Repeat>) => sql`
  SELECT * FROM unnest(
    ${uuids(repeats.map((repeat) => repeat.receiptId))}, ${texts(repeats.map((repeat) => repeat.outcome))},
    ${texts(repeats.map((repeat) => repeat.operator))}, ${texts(repeats.map((repeat) => repeat.key.verb))},
    ${hashes(repeats.map((repeat) => repeat.key.hash))}, ${texts(repeats.map((repeat) => repeat.key.label))},
    ${texts(repeats.map((repeat) => repeat.key.entity.type))},
    ${texts(repeats.map((repeat) => repeat.key.entity.id))}, ${ints(repeats.map((repeat) => repeat.attempt))},
    ${ints(repeats.map((repeat) => repeat.count))}, ${uuids(repeats.map((repeat) => repeat.refersTo))},
    ${flags(repeats.map((repeat) => repeat.onlyIfStands))}, ${texts(repeats.map((repeat) => repeat.reason))}
  ) AS repeat (
    id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to,
    only_if_stands, reason
  )`

/** The repeats whose receipt stands, each with its key's row locked, in the order that everybody locks in. */
const held = (sql: Sql) => sql`
  held AS MATERIALIZED (
    SELECT repeat.id FROM repeat JOIN fibric.ledger AS ledger
      ON ledger.key_hash = repeat.key_hash AND ledger.receipt_id = repeat.refers_to
    WHERE repeat.only_if_stands
    ORDER BY ledger.entity_hash, ledger.key_hash
    FOR SHARE OF ledger
  )`

const moved = (sql: Sql) => sql`
  SELECT array_agg(repeat.id) FROM repeat
  WHERE repeat.only_if_stands AND repeat.id NOT IN (SELECT id FROM held)`

/** What the database adds to a repeat's receipt. */
const WrittenRow = Schema.Struct({ id: Schema.String, at: Schema.Date, attempt: Schema.Int })
const decodeWritten = Schema.decodeUnknownEffect(Schema.Array(WrittenRow))

const asWritten = (repeat: Repeat, { at, attempt }: typeof WrittenRow.Type): Receipt =>
  ofLedger({
    id: repeat.receiptId,
    at: DateTime.fromDateUnsafe(at),
    outcome: repeat.outcome,
    operator: repeat.operator,
    capability: repeat.key.verb,
    key: repeat.key.label,
    entity: repeat.key.entity,
    attempt,
    count: repeat.count,
    refersTo: repeat.refersTo,
    durationMillis: null,
    proof: null,
    reason: repeat.reason,
    body: null,
    checkAfter: null
  })

/** What a batch left out when it was written, by this statement or one before; `undefined`: it was not. */
export const movedOf = (
  sql: Sql,
  { id }: Batch
): Effect.Effect<ReadonlyArray<string> | undefined, SqlError.SqlError> =>
  Effect.map(
    sql<{ moved: ReadonlyArray<string> }>`
      SELECT COALESCE(moved, '{}')::text[] AS moved FROM fibric.receipt_batch WHERE id = ${id}::uuid`,
    ([row]) => row?.moved
  )
