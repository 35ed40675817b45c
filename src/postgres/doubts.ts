/**
 * doubts: the keys in doubt, read for people and taken by whoever recovers them.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import * as IdempotencyKey from "../domain/IdempotencyKey.ts"
import type { Doubt, KeyName } from "../kernel/Ledger.ts"
import { RecoveryColumn } from "./LedgerRow.ts"
import { decoded, utc } from "./statements.ts"

type Sql = PgClient.PgClient
type Rows = Effect.Effect<ReadonlyArray<object>, SqlError.SqlError>

const DoubtRow = Schema.Struct({
  entity_hash: Schema.Uint8Array,
  capability: Schema.String,
  key: Schema.String,
  entity_type: Schema.String,
  entity_id: Schema.String,
  operator: Schema.String,
  attempt: Schema.Int,
  generation: Schema.Int,
  since: Schema.Date,
  reason: Schema.NullOr(Schema.String),
  recovery: RecoveryColumn,
  check_after: Schema.NullOr(Schema.Date),
  request: Schema.NullOr(Schema.String),
  now_millis: Schema.Finite
})

const decodeDoubts = Schema.decodeUnknownEffect(Schema.Array(DoubtRow))

const readDoubts = (rows: ReadonlyArray<object>): Effect.Effect<ReadonlyArray<Doubt>> =>
  Effect.map(decodeDoubts(rows), (read) =>
    read.map((row): Doubt => ({
      key: IdempotencyKey.fromLabel(row.capability, { type: row.entity_type, id: row.entity_id }, row.key),
      lane: row.entity_hash,
      capability: row.capability,
      operator: row.operator,
      attempt: row.attempt,
      generation: row.generation,
      since: DateTime.fromDateUnsafe(row.since),
      reason: row.reason ?? "no outcome was recorded",
      recovery: row.recovery,
      checkAfter: utc(row.check_after),
      request: row.request,
      readAtMillis: row.now_millis
    }))
  ).pipe(decoded)

const doubtColumns = `doubt.entity_hash, doubt.capability, doubt.key, doubt.entity_type, doubt.entity_id, doubt.operator, doubt.attempt,
  doubt.generation, doubt.since, receipt.reason, doubt.recovery, doubt.check_after,
  (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_millis`

/** Takes doubts that are due; nobody else is given them meanwhile. */
export const takeDue = (
  sql: Sql,
  capabilities: ReadonlyArray<string>,
  limit: number,
  leaseMillis: number
): Effect.Effect<ReadonlyArray<Doubt>, SqlError.SqlError> =>
  Effect.flatMap(
    sql<object>`
      WITH due AS (
        SELECT key_hash FROM fibric.ledger
        WHERE state = 'in_doubt' AND recover_at <= clock_timestamp() AND capability = ANY(${[...capabilities]}::text[])
        ORDER BY recover_at LIMIT ${limit}::int
        FOR UPDATE SKIP LOCKED
      ), doubt AS (
        UPDATE fibric.ledger AS ledger
        SET recover_at = clock_timestamp() + ${leaseMillis}::float8 * interval '1 ms', revision = revision + 1
        FROM due WHERE ledger.key_hash = due.key_hash
        RETURNING ledger.*
      )
      SELECT ${sql.literal(doubtColumns)}, doubt.request FROM doubt
      LEFT JOIN fibric.receipt_log AS receipt ON receipt.id = doubt.receipt_id`,
    readDoubts
  )

/** Takes a doubt off the list of what is done by itself. */
export const leaveToPerson = (sql: Sql, key: KeyName, attempt: number): Rows => sql`
  UPDATE fibric.ledger SET recover_at = NULL, revision = revision + 1,
    check_after = GREATEST(clock_timestamp(), COALESCE(claimed_at, since) + verdict_after_millis * interval '1 ms')
  WHERE key_hash = ${key.hash}::bytea AND state = 'in_doubt' AND attempt = ${attempt}::int`

/** Doubts, the oldest first, without their requests: a list of them would be as large as all payloads. */
export const doubts = (sql: Sql, limit: number): Effect.Effect<ReadonlyArray<Doubt>, SqlError.SqlError> =>
  Effect.flatMap(
    sql<object>`
      SELECT ${sql.literal(doubtColumns)}, NULL::text AS request FROM fibric.ledger AS doubt
      LEFT JOIN fibric.receipt_log AS receipt ON receipt.id = doubt.receipt_id
      WHERE doubt.state = 'in_doubt' ORDER BY doubt.since LIMIT ${limit}::int`,
    readDoubts
  )
