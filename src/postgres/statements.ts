/**
 * The ledger's statements besides the claim, one named function each. Nothing else in fibric writes
 * SQL about keys and receipts.
 *
 * Every one that writes does the move and its receipt in one statement, so that neither can exist
 * without the other, and moves a row only from the state, token or attempt that it names.
 */
import { type PgClient, PgTypes } from "@effect/sql-pg"
import { DateTime, Effect, Result, Schema } from "effect"
import type { SqlError } from "effect/sql"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import {
  type Entry,
  type HappenedVerdict,
  outcomeAfter,
  type Repeat,
  type Settlement,
  stateAfter,
  statementOf
} from "../kernel/Ledger.ts"
import { ReceiptRow, toReceipt } from "./ReceiptRow.ts"

type Rows = Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>

/** The columns of a receipt, in the order that `ReceiptRow` names them. */
const receiptColumns = `id, at, outcome, operator, capability, key, entity_type, entity_id, attempt, count,
  refers_to, duration_millis, proof, reason, body`

/** Whether somebody is there and lets us in. */
export const ping = (sql: PgClient.PgClient): Rows => sql`SELECT 1`

/** The ledger's secret for path hashes; made once, by the migration. */
export const pathSecret = (sql: PgClient.PgClient): Effect.Effect<string, SqlError.SqlError> =>
  Effect.flatMap(sql<{ path_secret: string }>`SELECT path_secret FROM fibric.ledger_info`, ([row]) =>
    row === undefined ? Effect.die("Bug: fibric.ledger_info is empty") : Effect.succeed(row.path_secret)
  )

const EntryRow = Schema.Struct({
  state: Schema.Literals(["performing", "in_doubt", "released", "done", "refused"]),
  since: Schema.Date,
  attempt: Schema.Int,
  fingerprint: Schema.String,
  paths: Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)),
  receipt: Schema.NullOr(ReceiptRow)
})

const decodeEntries = Schema.decodeUnknownEffect(Schema.Array(EntryRow))

/** A key's row with the receipt that put it into its state. */
export const find = (
  sql: PgClient.PgClient,
  key: IdempotencyKey
): Effect.Effect<Entry | undefined, SqlError.SqlError> =>
  Effect.gen(function* () {
    const rows = yield* sql<Record<string, unknown>>`
      SELECT ledger.state, ledger.since, ledger.attempt AS ledger_attempt, ledger.fingerprint, ledger.paths,
        ${sql.literal(receiptColumns.replaceAll(/\w+/g, "receipt.$&"))}
      FROM fibric.ledger AS ledger
      LEFT JOIN fibric.receipt_log AS receipt ON receipt.id = ledger.receipt_id
      WHERE ledger.key_hash = ${key.hash}::bytea`
    const [entry] = yield* decodeEntries(
      rows.map((row) => ({
        ...row,
        attempt: row["ledger_attempt"],
        receipt: row["id"] === null ? null : row
      }))
    )
    return entry === undefined
      ? undefined
      : {
          ...entry,
          since: DateTime.fromDateUnsafe(entry.since),
          receipt: entry.receipt === null ? null : toReceipt(entry.receipt)
        }
  }).pipe(
    Effect.catchTag("SchemaError", (error) => Effect.die(`Bug: a ledger row does not fit: ${error.message}`))
  )

/** Records an attempt's outcome with its receipt, if the token is current. */
export const settle = (sql: PgClient.PgClient, settlement: Settlement): Rows => {
  const { evidence, key, receiptId } = settlement
  const to = stateAfter(evidence)
  const { body, proof, reason } = statementOf(evidence)
  return sql`
    WITH seen AS (
      SELECT key_hash, state, receipt_id FROM fibric.ledger
      WHERE key_hash = ${key.hash}::bytea AND token = ${settlement.token}::uuid
        AND (state = 'performing' OR (state = 'in_doubt' AND ${to}::text <> 'in_doubt'))
      FOR UPDATE
    ), moved AS (
      UPDATE fibric.ledger AS ledger
      SET state = ${to}::text, since = clock_timestamp(), receipt_id = ${receiptId}::uuid
      FROM seen WHERE ledger.key_hash = seen.key_hash
      RETURNING ledger.*, seen.state AS from_state, seen.receipt_id AS doubt_id
    )
    INSERT INTO fibric.receipt_log (
      id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to,
      duration_millis, proof, reason, body
    )
    SELECT ${receiptId}::uuid,
      CASE from_state WHEN 'performing' THEN ${outcomeAfter("performing", evidence)}::text
        ELSE ${outcomeAfter("in_doubt", evidence)}::text END,
      operator, capability, key_hash, key, entity_type, entity_id, attempt, 1,
      CASE from_state WHEN 'in_doubt' THEN doubt_id END,
      ${settlement.durationMillis}::int, ${proof}::text, ${reason}::text, ${body}::text
    FROM moved
    RETURNING ${sql.literal(receiptColumns)}`
}

/** Receipts by their ids: how a statement that landed before is recognised. */
export const receiptsById = (sql: PgClient.PgClient, ids: ReadonlyArray<string>): Rows =>
  sql`SELECT ${sql.literal(receiptColumns)} FROM fibric.receipt_log WHERE id = ANY(${[...ids]}::uuid[])`

/** A person's word that it happened, if the key is still in doubt on that attempt. */
export const resolveHappened = (sql: PgClient.PgClient, verdict: HappenedVerdict): Rows => sql`
  WITH seen AS (
    SELECT key_hash, receipt_id FROM fibric.ledger
    WHERE key_hash = ${verdict.key.hash}::bytea AND state = 'in_doubt' AND attempt = ${verdict.attempt}::int
    FOR UPDATE
  ), moved AS (
    UPDATE fibric.ledger AS ledger
    SET state = 'done', since = clock_timestamp(), receipt_id = ${verdict.receiptId}::uuid
    FROM seen WHERE ledger.key_hash = seen.key_hash
    RETURNING ledger.*, seen.receipt_id AS doubt_id
  )
  INSERT INTO fibric.receipt_log (
    id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to, reason, body
  )
  SELECT ${verdict.receiptId}::uuid, 'resolved', ${verdict.operator}::text, capability, key_hash, key, entity_type,
    entity_id, attempt, 1, doubt_id, ${verdict.reason}::text, ${verdict.body}::text
  FROM moved
  RETURNING ${sql.literal(receiptColumns)}`

/** An array whose type the driver could not tell where all its members are null. */
const nullable = (values: ReadonlyArray<string | null>, oid: number): PgTypes.Parameter =>
  Result.getOrThrow(PgTypes.array(values, oid))

/** The receipts of repeats, by their ids: a batch that ran before adds nothing. */
export const record = (sql: PgClient.PgClient, repeats: ReadonlyArray<Repeat>): Rows => sql`
  INSERT INTO fibric.receipt_log (
    id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to, reason
  )
  SELECT repeat.id, repeat.outcome, repeat.operator, repeat.capability, repeat.key_hash, repeat.key,
    repeat.entity_type, repeat.entity_id, COALESCE(ledger.attempt, 0), repeat.count, repeat.refers_to, repeat.reason
  FROM unnest(
    ${repeats.map((repeat) => repeat.receiptId)}::uuid[],
    ${repeats.map((repeat) => repeat.outcome)}::text[],
    ${repeats.map((repeat) => repeat.operator)}::text[],
    ${repeats.map((repeat) => repeat.key.verb)}::text[],
    ${repeats.map((repeat) => repeat.key.hash)}::bytea[],
    ${repeats.map((repeat) => repeat.key.label)}::text[],
    ${repeats.map((repeat) => repeat.key.entity.type)}::text[],
    ${repeats.map((repeat) => repeat.key.entity.id)}::text[],
    ${repeats.map((repeat) => repeat.count)}::int[],
    ${nullable(
      repeats.map((repeat) => repeat.refersTo),
      PgTypes.OID.uuid
    )},
    ${nullable(
      repeats.map((repeat) => repeat.reason),
      PgTypes.OID.text
    )}
  ) AS repeat (id, outcome, operator, capability, key_hash, key, entity_type, entity_id, count, refers_to, reason)
  LEFT JOIN fibric.ledger AS ledger ON ledger.key_hash = repeat.key_hash
  ON CONFLICT DO NOTHING
  RETURNING ${sql.literal(receiptColumns)}`

/** Extends a lease that has not run out; registers a worker that is new. No row: it had run out. */
export const beat = (sql: PgClient.PgClient, worker: string, leaseMillis: number): Rows => sql`
  INSERT INTO fibric.worker AS worker (incarnation, expires_at)
  VALUES (${worker}::uuid, clock_timestamp() + ${leaseMillis}::float8 * interval '1 ms')
  ON CONFLICT (incarnation) DO UPDATE SET expires_at = EXCLUDED.expires_at
  WHERE worker.expires_at > clock_timestamp()
  RETURNING worker.incarnation`

/** Turns silent rows doubtful, in the one lock order, and passes over what somebody holds. */
export const reap = (sql: PgClient.PgClient, receiptIds: ReadonlyArray<string>): Rows => sql`
  WITH silent AS (
    SELECT key_hash, doubt_at <= clock_timestamp() AS overdue
    FROM fibric.ledger AS ledger
    WHERE state = 'performing' AND (
      doubt_at <= clock_timestamp()
      OR NOT EXISTS (
        SELECT 1 FROM fibric.worker
        WHERE worker.incarnation = ledger.worker AND worker.expires_at > clock_timestamp()
      )
    )
    ORDER BY entity_hash, key_hash
    LIMIT ${receiptIds.length}::int
    FOR UPDATE SKIP LOCKED
  ), numbered AS (
    SELECT key_hash, overdue, row_number() OVER (ORDER BY key_hash) AS number FROM silent
  ), moved AS (
    UPDATE fibric.ledger AS ledger
    SET state = 'in_doubt', since = clock_timestamp(), receipt_id = fresh.id
    FROM numbered
    JOIN unnest(${[...receiptIds]}::uuid[]) WITH ORDINALITY AS fresh (id, number) ON fresh.number = numbered.number
    WHERE ledger.key_hash = numbered.key_hash
    RETURNING ledger.*, numbered.overdue
  )
  INSERT INTO fibric.receipt_log (
    id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, reason
  )
  SELECT receipt_id, 'in_doubt', operator, capability, key_hash, key, entity_type, entity_id, attempt, 1,
    CASE WHEN overdue THEN 'no outcome was recorded in time' ELSE 'its worker was not heard of again' END
  FROM moved
  RETURNING ${sql.literal(receiptColumns)}`

/** A key's receipts in the order that they were committed in, the first 1,000. */
export const receiptsByKey = (sql: PgClient.PgClient, key: IdempotencyKey): Rows => sql`
  SELECT ${sql.literal(receiptColumns)} FROM fibric.receipt_log
  WHERE key_hash = ${key.hash}::bytea
  ORDER BY transaction, id
  LIMIT 1000`

/** Sums of counts by outcome, for one key or for all. */
export const totals = (sql: PgClient.PgClient, key: IdempotencyKey | undefined): Rows => sql`
  SELECT outcome, sum(count)::float8 AS total FROM fibric.receipt_log
  WHERE ${key === undefined}::boolean OR key_hash = ${key?.hash ?? new Uint8Array()}::bytea
  GROUP BY outcome ORDER BY outcome`
