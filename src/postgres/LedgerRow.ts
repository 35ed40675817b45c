/**
 * LedgerRow: a key's row as decisions need it, read back from `fibric.ledger`, `fibric.attempt` and the
 * receipt that put it into its state.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Schema } from "effect"
import type { SqlError, Statement } from "effect/sql"
import * as IdempotencyKey from "../domain/IdempotencyKey.ts"
import { Recovery } from "../domain/Recovery.ts"
import type { Inspection, KeyName } from "../kernel/Ledger.ts"
import type { AttemptRecord, KeyRow } from "../kernel/lifecycle/KeyRow.ts"
import { receiptBeside, receiptColumnsBeside, ReceiptRow, toReceipt } from "./ReceiptRow.ts"

/** The states that a row can be in. */
export const StateColumn = Schema.Literals([
  "performing",
  "in_doubt",
  "released",
  "done",
  "refused",
  "abandoned"
])

/** An attempt's recovery, as its JSON text. */
export const RecoveryColumn = Schema.fromJsonString(Recovery)

const Mark = Schema.Literals(["unknown", "performed", "attested", "refused", "not_performed", "testimony"])

const attemptFields = {
  attempt: Schema.Int,
  generation: Schema.Int,
  token: Schema.String,
  operator: Schema.String,
  fingerprint: Schema.NullOr(Schema.String),
  state_of: Schema.NullOr(Schema.Uint8ArrayFromHex),
  claimed_at_millis: Schema.Finite,
  recovery: RecoveryColumn,
  evidence: Schema.NullOr(Mark),
  refusal: Schema.NullOr(Schema.String),
  effect_id: Schema.NullOr(Schema.String)
}

const AttemptRow = Schema.Struct(attemptFields)

const LedgerRow = Schema.Struct({
  ...attemptFields,
  capability: Schema.String,
  key: Schema.String,
  entity_type: Schema.String,
  entity_id: Schema.String,
  state: StateColumn,
  since: Schema.Date,
  revision: Schema.Int,
  doubt_at_millis: Schema.Finite,
  verdict_after_millis: Schema.Finite,
  recover_after_millis: Schema.NullOr(Schema.Finite),
  recoveries: Schema.Int,
  call_open: Schema.Boolean,
  holds_lane: Schema.Boolean,
  passed_doubt: Schema.Boolean,
  open_steps: Schema.Int,
  check_after: Schema.NullOr(Schema.Date),
  now_millis: Schema.Finite,
  earlier: Schema.fromJsonString(Schema.Array(AttemptRow)),
  receipt: Schema.NullOr(ReceiptRow)
})

const decodeRows = Schema.decodeUnknownEffect(Schema.Array(LedgerRow))

/** An attempt as it was read. */
export interface SeenAttempt extends AttemptRecord {
  /** The entity whose state it changes once it is performed; `null`: none. */
  readonly stateOf: Uint8Array | null
}

/** A row as it was read: with the revision to compare, and the database's time of reading. */
export interface SeenRow extends KeyRow {
  readonly attempts: ReadonlyArray<SeenAttempt>
  readonly current: SeenAttempt
  readonly passedDoubt: boolean
  readonly revision: number
  readonly nowMillis: number
  readonly inspection: Inspection
}

// Rows that the first schema's workers settled have no evidence of their own: their state says it.
const columns = `ledger.capability, ledger.key, ledger.entity_type, ledger.entity_id, ledger.state, ledger.since,
  ledger.operator, ledger.attempt, ledger.generation, ledger.token, ledger.recovery, ledger.refusal,
  ledger.effect_id, ledger.revision, ledger.verdict_after_millis, ledger.recover_after_millis,
  ledger.recoveries, ledger.call_open, ledger.check_after,
  ledger.passed_doubt, ledger.fingerprint, encode(ledger.state_of, 'hex') AS state_of,
  NOT ledger.passed_doubt AND (
    ledger.state = 'performing' OR (ledger.state = 'in_doubt' AND ledger.doubt_holds_lane)
  ) AS holds_lane,
  (
    SELECT count(*)::int FROM fibric.ledger AS step
    WHERE step.root_hash = ledger.key_hash AND step.state IN ('performing', 'in_doubt')
  ) AS open_steps,
  CASE WHEN ledger.claimed_at IS NOT NULL OR ledger.evidence IS NOT NULL THEN ledger.evidence ELSE
    CASE ledger.state WHEN 'released' THEN 'not_performed' WHEN 'refused' THEN 'refused' WHEN 'done' THEN 'performed' END
  END AS evidence,
  (extract(epoch FROM COALESCE(ledger.claimed_at, ledger.since)) * 1000)::float8 AS claimed_at_millis,
  (extract(epoch FROM ledger.doubt_at) * 1000)::float8 AS doubt_at_millis,
  (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_millis`

const earlierColumns = `json_build_object(
    'attempt', earlier.attempt, 'generation', earlier.generation, 'token', earlier.token,
    'operator', earlier.operator, 'fingerprint', earlier.fingerprint, 'state_of', encode(earlier.state_of, 'hex'),
    'claimed_at_millis', extract(epoch FROM earlier.claimed_at) * 1000, 'recovery', earlier.recovery,
    'evidence', earlier.evidence, 'refusal', earlier.refusal, 'effect_id', earlier.effect_id
  ) ORDER BY earlier.attempt`

/**
 * A key's row with the attempts that share its provider key, those that happened, and the one that is
 * asked about. `undefined` where nobody has claimed the key.
 */
export const see = (
  sql: PgClient.PgClient,
  key: KeyName,
  asked: { readonly token?: string | undefined; readonly attempt?: number | undefined } = {}
): Effect.Effect<SeenRow | undefined, SqlError.SqlError> => {
  const which = sql`earlier.generation = ledger.generation OR earlier.evidence IN ('performed', 'attested')
    OR earlier.token = ${asked.token ?? null}::uuid OR earlier.attempt = ${asked.attempt ?? null}::int`
  return Effect.map(read(sql, sql`ledger.key_hash = ${key.hash}::bytea`, which), ([row]) => row)
}

/** The keys of a label, or the one of a hash in hexadecimal, each with all of its attempts; at most 100. */
export const inspect = (
  sql: PgClient.PgClient,
  name: string
): Effect.Effect<ReadonlyArray<Inspection>, SqlError.SqlError> => {
  const where = /^[0-9a-f]{64}$/.test(name)
    ? sql`ledger.key_hash = ${Buffer.from(name, "hex")}::bytea`
    : sql`ledger.key = ${name}::text`
  return Effect.map(read(sql, where, sql`true`), (rows) => rows.map(({ inspection }) => inspection))
}

/**
 * How many attempts of a key are read at most, the newest: under one provider key there are as many as
 * were declared to be resent, and as many as people released by name.
 */
const maxAttempts = 1_000

const read = Effect.fnUntraced(
  function* (sql: PgClient.PgClient, where: Statement.Fragment, which: Statement.Fragment) {
    const rows = yield* sql<{ readonly [column: string]: unknown }>`
      SELECT ${sql.literal(columns)}, ${sql.literal(receiptColumnsBeside)},
        (
          SELECT COALESCE(json_agg(${sql.literal(earlierColumns)}), '[]')::text FROM (
            SELECT * FROM fibric.attempt AS earlier
            WHERE earlier.key_hash = ledger.key_hash AND (${which})
            ORDER BY earlier.attempt DESC LIMIT ${maxAttempts}::int
          ) AS earlier
        ) AS earlier
      FROM fibric.ledger AS ledger
      LEFT JOIN fibric.receipt_log AS receipt ON receipt.id = ledger.receipt_id
      WHERE ${where} LIMIT 100`
    const decoded = yield* decodeRows(rows.map((row) => ({ ...row, receipt: receiptBeside(row) })))
    return decoded.map(toSeen)
  },
  Effect.catchTag("SchemaError", (error) => Effect.die(`Bug: a ledger row does not fit: ${error.message}`))
)

const toAttempt = (row: typeof AttemptRow.Type): SeenAttempt => ({
  attempt: row.attempt,
  generation: row.generation,
  token: row.token,
  operator: row.operator,
  fingerprint: row.fingerprint,
  stateOf: row.state_of,
  claimedAtMillis: row.claimed_at_millis,
  recovery: row.recovery,
  evidence: row.evidence,
  refusal: row.refusal,
  effectId: row.effect_id
})

const toSeen = (row: typeof LedgerRow.Type): SeenRow => {
  const current = toAttempt(row)
  const attempts = [...row.earlier.map(toAttempt), current]
  const receipt = row.receipt === null ? null : toReceipt(row.receipt)
  return {
    state: row.state,
    receipt,
    attempts,
    current,
    doubtAtMillis: row.doubt_at_millis,
    verdictAfterMillis: row.verdict_after_millis,
    recoverAfterMillis: row.recover_after_millis,
    recoveries: row.recoveries,
    callOpen: row.call_open,
    holdsLane: row.holds_lane,
    passedDoubt: row.passed_doubt,
    openSteps: row.open_steps,
    revision: row.revision,
    nowMillis: row.now_millis,
    inspection: {
      key: IdempotencyKey.fromLabel(row.capability, { type: row.entity_type, id: row.entity_id }, row.key),
      state: row.state,
      since: DateTime.fromDateUnsafe(row.since),
      checkAfter: row.check_after === null ? null : DateTime.fromDateUnsafe(row.check_after),
      receipt,
      attempts
    }
  }
}
