/**
 * The ledger's statements besides claims and settlements, one named function each.
 *
 * Every one that moves a row writes its receipt in the same statement, so that neither can exist
 * without the other.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { ofLedger, type Receipt } from "../domain/Receipt.ts"
import type { Batch, Entry, KeyName, Repeat } from "../kernel/Ledger.ts"
import { hashes, ints, texts, uuids } from "./arrays.ts"
import { StateColumn } from "./LedgerRow.ts"
import { receiptBeside, receiptColumns, receiptColumnsBeside, ReceiptRow, toReceipt } from "./ReceiptRow.ts"

type Sql = PgClient.PgClient
type Rows = Effect.Effect<ReadonlyArray<object>, SqlError.SqlError>
type Columns = { readonly [column: string]: unknown }

/** Whether somebody is there and lets us in. */
export const ping = (sql: Sql): Rows => sql`SELECT 1`

/** Whether a batch was written, by this statement or one before. */
export const isWritten = (sql: Sql, { id }: Batch): Effect.Effect<boolean, SqlError.SqlError> =>
  Effect.map(sql`SELECT 1 FROM fibric.receipt_batch WHERE id = ${id}::uuid`, (rows) => rows.length > 0)

/** The database's clock, in milliseconds since the epoch. */
export const clock = (sql: Sql): Effect.Effect<number, SqlError.SqlError> =>
  Effect.map(
    sql<{ now: number }>`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`,
    ([row]) => row?.now ?? 0
  )

/** The ledger's secret for path hashes; made once, by the migration. */
export const pathSecret = (sql: Sql): Effect.Effect<string, SqlError.SqlError> =>
  Effect.flatMap(sql<{ path_secret: string }>`SELECT path_secret FROM fibric.ledger_info`, ([row]) =>
    row === undefined ? Effect.die("Bug: fibric.ledger_info is empty") : Effect.succeed(row.path_secret)
  )

const EntryRow = Schema.Struct({
  key_hash: Schema.Uint8Array,
  state: StateColumn,
  since: Schema.Date,
  check_after: Schema.NullOr(Schema.Date),
  attempt: Schema.Int,
  fingerprint: Schema.String,
  paths: Schema.String,
  receipt: Schema.NullOr(ReceiptRow)
})

const Paths = Schema.fromJsonString(Schema.Record(Schema.String, Schema.String))
const decodePaths = Schema.decodeUnknownSync(Paths)
const decodeEntries = Schema.decodeUnknownEffect(Schema.Array(EntryRow))

/** A row that does not fit is our own bug: the ledger alone writes them. */
export const decoded = <A, E>(rows: Effect.Effect<A, E>): Effect.Effect<A, Exclude<E, Schema.SchemaError>> =>
  Effect.catch(rows, (error) =>
    Schema.isSchemaError(error)
      ? Effect.die(`Bug: a ledger row does not fit: ${error.message}`)
      : // What is left after the check; the compiler can't narrow a type parameter.
        Effect.fail(error as Exclude<E, Schema.SchemaError>)
  )

/** A time as the kernel has it. */
export const utc = (date: Date | null): DateTime.Utc | null =>
  date === null ? null : DateTime.fromDateUnsafe(date)

/** Keys' rows, each with the receipt that put it into its state, in the order of the keys. */
export const findAll = (
  sql: Sql,
  keys: ReadonlyArray<KeyName>
): Effect.Effect<ReadonlyArray<Entry | undefined>, SqlError.SqlError> =>
  Effect.gen(function* () {
    // Receipts by id, one after the other: their parts are many, and none is read whole.
    const rows = yield* sql<Columns>`
      SELECT ledger.key_hash, ledger.state, ledger.since, ledger.check_after, ledger.attempt, ledger.fingerprint,
        ledger.paths, ${sql.literal(receiptColumnsBeside)}
      FROM fibric.ledger AS ledger
      LEFT JOIN LATERAL (
        SELECT * FROM fibric.receipt_log AS receipt WHERE receipt.id = ledger.receipt_id OFFSET 0
      ) AS receipt ON true
      WHERE ledger.key_hash = ANY(${hashes(keys.map(({ hash }) => hash))})`
    const found = yield* decodeEntries(rows.map((row) => ({ ...row, receipt: receiptBeside(row) })))
    const entries = new Map(found.map((row) => [nameOf(row.key_hash), toEntry(row)]))
    return keys.map(({ hash }) => entries.get(nameOf(hash)))
  }).pipe(decoded)

const nameOf = (hash: Uint8Array): string => Buffer.from(hash).toString("latin1")

const toEntry = (row: typeof EntryRow.Type): Entry => ({
  state: row.state,
  attempt: row.attempt,
  fingerprint: row.fingerprint,
  // Only a conflict is explained by them.
  get paths() {
    return decodePaths(row.paths)
  },
  since: DateTime.fromDateUnsafe(row.since),
  checkAfter: utc(row.check_after),
  receipt: row.receipt === null ? null : toReceipt(row.receipt)
})

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

const insertRepeats = (sql: Sql, { id, notAfterMillis, repeats }: Batch): Rows => sql`
  WITH batch AS (
    INSERT INTO fibric.receipt_batch (id, not_after)
    SELECT ${id}::uuid, not_after FROM (SELECT to_timestamp(${notAfterMillis / 1_000}::float8) AS not_after) AS time
    WHERE clock_timestamp() < not_after
    ON CONFLICT DO NOTHING
    RETURNING 1
  )
  INSERT INTO fibric.receipt_log (
    id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to, reason
  )
  SELECT repeat.id, repeat.outcome, repeat.operator, repeat.capability, repeat.key_hash, repeat.key,
    repeat.entity_type, repeat.entity_id, COALESCE(ledger.attempt, 0), repeat.count, repeat.refers_to, repeat.reason
  FROM batch, unnest(
    ${uuids(repeats.map((repeat) => repeat.receiptId))}, ${texts(repeats.map((repeat) => repeat.outcome))},
    ${texts(repeats.map((repeat) => repeat.operator))}, ${texts(repeats.map((repeat) => repeat.key.verb))},
    ${hashes(repeats.map((repeat) => repeat.key.hash))}, ${texts(repeats.map((repeat) => repeat.key.label))},
    ${texts(repeats.map((repeat) => repeat.key.entity.type))},
    ${texts(repeats.map((repeat) => repeat.key.entity.id))}, ${ints(repeats.map((repeat) => repeat.count))},
    ${uuids(repeats.map((repeat) => repeat.refersTo))}, ${texts(repeats.map((repeat) => repeat.reason))}
  ) AS repeat (id, outcome, operator, capability, key_hash, key, entity_type, entity_id, count, refers_to, reason)
  LEFT JOIN fibric.ledger AS ledger ON ledger.key_hash = repeat.key_hash
  RETURNING id, at, attempt`

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

/** Extends a lease that has not run out; registers a worker that is new. No row: it had run out. */
export const beat = (sql: Sql, worker: string, leaseMillis: number): Rows => sql`
  INSERT INTO fibric.worker AS worker (incarnation, expires_at)
  VALUES (${worker}::uuid, clock_timestamp() + ${leaseMillis}::float8 * interval '1 ms')
  ON CONFLICT (incarnation) DO UPDATE SET expires_at = EXCLUDED.expires_at
  WHERE worker.expires_at > clock_timestamp()
  RETURNING worker.incarnation`

/** Frees the flights of keys that were settled from outside and whose call can't be heard any more. */
export const closeCalls = (sql: Sql): Rows => sql`
  WITH ended AS (
    SELECT key_hash FROM fibric.ledger WHERE call_open AND doubt_at <= clock_timestamp()
    ORDER BY entity_hash, key_hash FOR UPDATE SKIP LOCKED
  )
  UPDATE fibric.ledger AS ledger SET call_open = false, revision = revision + 1
  FROM ended WHERE ledger.key_hash = ended.key_hash`

/**
 * Turns silent rows doubtful, in the one lock order, and passes over what somebody holds. A
 * transactional attempt whose row can be had did not commit, and is fenced off by this. A program that
 * is in doubt takes no more steps, so that what its steps have come to can be read here: none is open. That
 * is read by this statement's snapshot, and so the row must be the one of the snapshot, too: hence the
 * revision, which a row that has moved on meanwhile does not have any more.
 */
export const reap = (sql: Sql, receiptIds: ReadonlyArray<string>): Rows => sql`
  WITH seen AS MATERIALIZED (
    SELECT key_hash, entity_hash, revision, doubt_at <= clock_timestamp() AS overdue,
      recovery LIKE '%"Transactional"%' AS transactional, state = 'in_doubt' AS in_doubt
    FROM fibric.ledger AS ledger
    WHERE (state = 'performing' AND (
      doubt_at <= clock_timestamp()
      OR NOT EXISTS (
        SELECT 1 FROM fibric.worker
        WHERE worker.incarnation = ledger.worker AND worker.expires_at > clock_timestamp()
      )
    )) OR (state = 'in_doubt' AND (recovery LIKE '%"Transactional"%' OR (
      recovery LIKE '%"Replay"%' AND NOT EXISTS (
        SELECT 1 FROM fibric.ledger AS step
        WHERE step.root_hash = ledger.key_hash AND step.state IN ('performing', 'in_doubt')
      )
    )))
    ORDER BY entity_hash, key_hash
    LIMIT ${receiptIds.length}::int
  ), silent AS (
    SELECT seen.* FROM seen
    JOIN fibric.ledger AS ledger ON ledger.key_hash = seen.key_hash AND ledger.revision = seen.revision
    ORDER BY seen.entity_hash, seen.key_hash
    FOR UPDATE OF ledger SKIP LOCKED
  ), numbered AS (
    SELECT *, transactional OR in_doubt AS released, row_number() OVER (ORDER BY key_hash) AS number FROM silent
  ), moved AS (
    UPDATE fibric.ledger AS ledger
    SET state = CASE WHEN released THEN 'released' ELSE 'in_doubt' END, since = clock_timestamp(),
      revision = ledger.revision + 1, receipt_id = fresh.id,
      evidence = CASE WHEN released THEN 'not_performed' ELSE evidence END,
      recover_at = CASE WHEN released THEN NULL ELSE
        clock_timestamp() + recover_after_millis * interval '1 ms' END,
      check_after = CASE WHEN released THEN NULL ELSE COALESCE(
        clock_timestamp() + recover_after_millis * interval '1 ms',
        GREATEST(clock_timestamp(), COALESCE(claimed_at, since) + verdict_after_millis * interval '1 ms')
      ) END
    FROM numbered
    JOIN unnest(${[...receiptIds]}::uuid[]) WITH ORDINALITY AS fresh (id, number) ON fresh.number = numbered.number
    JOIN LATERAL (SELECT receipt_id FROM fibric.ledger AS old WHERE old.key_hash = numbered.key_hash) AS before ON true
    WHERE ledger.key_hash = numbered.key_hash
    RETURNING ledger.*, numbered.overdue, numbered.transactional, numbered.released, before.receipt_id AS before_id
  )
  INSERT INTO fibric.receipt_log (
    id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to, proof,
    reason, check_after
  )
  SELECT receipt_id, CASE WHEN released THEN 'released' ELSE 'in_doubt' END, operator, capability, key_hash,
    key, entity_type, entity_id, attempt, 1, before_id,
    CASE WHEN transactional THEN 'rolled_back' WHEN released THEN 'steps_recorded' END,
    CASE WHEN released AND NOT transactional THEN
      (SELECT stopped.reason FROM fibric.receipt_log AS stopped WHERE stopped.id = before_id)
      WHEN overdue THEN 'no outcome was recorded in time' ELSE 'its worker was not heard of again' END,
    check_after
  FROM moved
  RETURNING ${sql.literal(receiptColumns)}`

/** A key's receipts in the order that they were committed in, the first 1,000. */
export const receiptsByKey = (sql: Sql, key: KeyName): Rows => sql`
  SELECT ${sql.literal(receiptColumns)} FROM fibric.receipt_log
  WHERE key_hash = ${key.hash}::bytea
  ORDER BY transaction, id
  LIMIT 1000`

/** Sums of counts by outcome, for one key or for all. */
export const totals = (sql: Sql, key: KeyName | undefined): Rows => sql`
  SELECT outcome, sum(count)::float8 AS total FROM fibric.receipt_log
  WHERE ${key === undefined}::boolean OR key_hash = ${key?.hash ?? new Uint8Array()}::bytea
  GROUP BY outcome ORDER BY outcome`
