/**
 * settle: what happens to a key, written with its receipt in one statement.
 *
 * The usual end of a first attempt is decided by the statement itself. Everything else is read, decided
 * by `lifecycle`, and written if the row is still at the revision that was read; else it is read again.
 */
import { type PgClient, PgTypes } from "@effect/sql-pg"
import { DateTime, Effect, Result } from "effect"
import type { SqlError } from "effect/sql"
import type { Applied, KeyName, Settlement } from "../kernel/Ledger.ts"
import { decide } from "../kernel/lifecycle/Decision.ts"
import type { Decision, Event, Marking } from "../kernel/lifecycle/KeyRow.ts"
import { see, type SeenRow } from "./LedgerRow.ts"
import { readReceipts, receiptColumns } from "./ReceiptRow.ts"

type Rows = Effect.Effect<ReadonlyArray<object>, SqlError.SqlError>

/** Records how an attempt's call ended. */
export const settle = Effect.fnUntraced(function* (sql: PgClient.PgClient, settlement: Settlement) {
  const [receipt] = yield* Effect.flatMap(settleSole(sql, settlement), readReceipts)
  if (receipt !== undefined) return { _tag: "Settled", receipt } satisfies Applied
  const { durationMillis, evidence, key, receiptId, token } = settlement
  return yield* apply(sql, key, { _tag: "Evidence", token, evidence, durationMillis }, receiptId)
})

const soleEnds = {
  Performed: { to: "done", outcome: "performed", mark: "performed" },
  Refused: { to: "refused", outcome: "refused", mark: "refused" },
  NotPerformed: { to: "released", outcome: "released", mark: "not_performed" }
} as const

/**
 * The end of an attempt that is in time and has none beside it: the rows of the table whose conditions
 * a single statement can see. Any other ends in no row.
 */
const settleSole = (
  sql: PgClient.PgClient,
  { durationMillis, evidence, key, receiptId, token }: Settlement
): Rows => {
  if (evidence._tag === "Unknown") return Effect.succeed([])
  const { mark, outcome, to } = soleEnds[evidence._tag]
  const body = evidence._tag === "NotPerformed" ? null : evidence.body
  const { proof, reason } = evidence._tag === "NotPerformed" ? evidence : { proof: null, reason: null }
  const effectId = evidence._tag === "Performed" ? evidence.effectId : null
  return sql`
    WITH seen AS (
      SELECT key_hash, receipt_id FROM fibric.ledger
      WHERE key_hash = ${key.hash}::bytea AND token = ${token}::uuid AND state = 'performing'
        AND NOT beside_earlier AND evidence IS NULL
      FOR UPDATE
    ), moved AS (
      UPDATE fibric.ledger AS ledger
      SET state = ${to}::text, since = clock_timestamp(), revision = revision + 1,
        receipt_id = ${receiptId}::uuid, evidence = ${mark}::text, effect_id = ${effectId}::text
      FROM seen WHERE ledger.key_hash = seen.key_hash
      RETURNING ledger.*, seen.receipt_id AS before_id
    )
    INSERT INTO fibric.receipt_log (
      id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to,
      duration_millis, proof, reason, body
    )
    SELECT ${receiptId}::uuid, ${outcome}::text, operator, capability, key_hash, key, entity_type, entity_id,
      attempt, 1, before_id, ${durationMillis}::int, ${proof}::text, ${reason}::text, ${body}::text
    FROM moved
    RETURNING ${sql.literal(receiptColumns)}`
}

/** Reads, decides and writes, until the row held still in between. */
export const apply = (
  sql: PgClient.PgClient,
  key: KeyName,
  event: Event,
  receiptId: string
): Effect.Effect<Applied, SqlError.SqlError> =>
  Effect.gen(function* () {
    while (true) {
      const row = yield* see(sql, key, event._tag === "Evidence" ? event.token : undefined)
      // Looked for after the row: had the first copy landed in between, the row has moved on.
      const [before] = yield* Effect.flatMap(receiptsById(sql, [receiptId]), readReceipts)
      if (before !== undefined) return { _tag: "Settled", receipt: before }
      if (row === undefined) return { _tag: "Refused", why: "unknown_key", found: "no such key" }
      const applied = yield* write(sql, key, row, decide(row, event, row.nowMillis), receiptId)
      if (applied !== undefined) return applied
    }
  })

/** Writes a decision; `undefined` where the row is no longer the one that it was made for. */
const write = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  key: KeyName,
  row: SeenRow,
  decision: Decision,
  receiptId: string
) {
  if (decision._tag === "Refuse") return refused(row, decision)
  if (decision._tag === "Keep") {
    const { callOpen, markings, plan } = decision
    if (markings.length === 0 && plan === undefined && callOpen === row.callOpen) return kept
    const rows = yield* keep(sql, key, row, decision)
    return rows.length > 0 ? kept : undefined
  }
  const [receipt] = yield* Effect.flatMap(move(sql, key, row, decision, receiptId), readReceipts)
  return receipt && ({ _tag: "Settled", receipt } satisfies Applied)
})

const kept: Applied = { _tag: "Kept" }

const refused = (row: SeenRow, { refusal }: Decision & { readonly _tag: "Refuse" }): Applied =>
  refusal.why === "too_early"
    ? { _tag: "Refused", why: refusal.why, notBefore: DateTime.makeUnsafe(refusal.notBeforeMillis) }
    : { _tag: "Refused", why: refusal.why, found: `${row.state}, attempt ${row.current.attempt}` }

/** What every write of a decision sets, on the row of the revision that was seen. */
const assignments = (
  sql: PgClient.PgClient,
  row: SeenRow,
  decision: Decision & { _tag: "Move" | "Keep" }
) => {
  const marking = decision.markings.find(({ attempt }) => attempt === row.current.attempt) ?? row.current
  const { plan } = decision
  return sql`
    revision = revision + 1, call_open = ${decision.callOpen}::boolean, evidence = ${marking.evidence}::text,
    refusal = ${marking.refusal}::text, effect_id = ${marking.effectId}::text
    ${
      plan === undefined
        ? sql.literal("")
        : sql`,
          recover_at = clock_timestamp() + ${plan.recoverAfterMillis}::float8 * interval '1 ms',
          check_after = clock_timestamp() + ${plan.checkAfterMillis}::float8 * interval '1 ms',
          recoveries = ${plan.recoveries}::int`
    }`
}

/** The markings of attempts that stand in `fibric.attempt`. */
const markEarlier = (sql: PgClient.PgClient, markings: ReadonlyArray<Marking>) => sql`
  UPDATE fibric.attempt AS earlier
  SET evidence = marking.evidence, refusal = marking.refusal, effect_id = marking.effect_id
  FROM moved, unnest(
    ${markings.map(({ attempt }) => attempt)}::int[],
    ${markings.map(({ evidence }) => evidence)}::text[],
    ${nullable(
      markings.map(({ refusal }) => refusal),
      PgTypes.OID.text
    )},
    ${nullable(
      markings.map(({ effectId }) => effectId),
      PgTypes.OID.text
    )}
  ) AS marking (attempt, evidence, refusal, effect_id)
  WHERE earlier.key_hash = moved.key_hash AND earlier.attempt = marking.attempt`

const keep = (
  sql: PgClient.PgClient,
  key: KeyName,
  row: SeenRow,
  decision: Decision & { readonly _tag: "Keep" }
): Rows => sql<object>`
  WITH moved AS (
    UPDATE fibric.ledger SET ${assignments(sql, row, decision)}
    WHERE key_hash = ${key.hash}::bytea AND revision = ${row.revision}::int
    RETURNING key_hash
  ), earlier AS (${markEarlier(sql, decision.markings)})
  SELECT 1 AS kept FROM moved`

const move = (
  sql: PgClient.PgClient,
  key: KeyName,
  row: SeenRow,
  decision: Decision & { readonly _tag: "Move" },
  receiptId: string
): Rows => {
  const { statement, to } = decision
  const standing = decision.stands
    ? sql`state = ${to}::text, since = clock_timestamp(), receipt_id = ${receiptId}::uuid`
    : sql`state = ${to}::text`
  return sql<object>`
    WITH moved AS (
      UPDATE fibric.ledger SET ${standing},
        ${assignments(sql, row, decision)}
      WHERE key_hash = ${key.hash}::bytea AND revision = ${row.revision}::int
      RETURNING *
    ), earlier AS (${markEarlier(sql, decision.markings)})
    INSERT INTO fibric.receipt_log (
      id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to,
      duration_millis, proof, reason, body, check_after
    )
    SELECT ${receiptId}::uuid, ${statement.outcome}::text, ${statement.operator}::text, capability, key_hash, key,
      entity_type, entity_id, ${statement.attempt}::int, 1, ${statement.refersTo}::uuid,
      ${statement.durationMillis}::int, ${statement.proof}::text, ${statement.reason}::text,
      ${statement.body}::text, check_after
    FROM moved
    RETURNING ${sql.literal(receiptColumns)}`
}

/** Receipts by their ids: how a statement that landed before is recognised. */
export const receiptsById = (sql: PgClient.PgClient, ids: ReadonlyArray<string>): Rows =>
  sql`SELECT ${sql.literal(receiptColumns)} FROM fibric.receipt_log WHERE id = ANY(${[...ids]}::uuid[])`

/** An array whose type the driver could not tell where all its members are null. */
export const nullable = (values: ReadonlyArray<string | null>, oid: number): PgTypes.Parameter =>
  Result.getOrThrow(PgTypes.array(values, oid))
