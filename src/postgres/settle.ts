/**
 * settle: what happens to a key, written with its receipt in one statement.
 *
 * The usual end of a first attempt is decided by the statement itself. Everything else is read, decided
 * by `lifecycle`, and written if the row is still at the revision that was read; else it is read again.
 */
import { type PgClient, PgTypes } from "@effect/sql-pg"
import { DateTime, Effect, Result } from "effect"
import type { SqlError } from "effect/sql"
import type { Applied, Claim, KeyName, Settlement, SettledAlong } from "../kernel/Ledger.ts"
import { decide } from "../kernel/lifecycle/Decision.ts"
import type { Decision, Event, Marking } from "../kernel/lifecycle/KeyRow.ts"
import { awaited, claimAlong, evolve, promote, stateGate } from "./consequences.ts"
import { see, type SeenRow } from "./LedgerRow.ts"
import { readReceipts, receiptColumns } from "./ReceiptRow.ts"

type Row = { readonly [column: string]: unknown }
type Rows = Effect.Effect<ReadonlyArray<Row>, SqlError.SqlError>

/** A lane that a commit may have freed, and whether a worker waits for it as far as the commit saw. */
export interface Freed {
  readonly lane: Uint8Array
  readonly isAwaited: boolean
}

/** What became of an event, and the lane that it may have freed. */
export interface Ended {
  readonly applied: Applied
  readonly freed: Freed | null
}

/** The same with what became of the claim that went along. */
export interface EndedAlong extends Ended {
  readonly claimed: SettledAlong["claimed"]
}

/** Records how an attempt's call ended, and where it can claims the next in the same commit. */
export const settle = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  settlement: Settlement,
  next?: Claim
): Effect.fn.Return<EndedAlong, SqlError.SqlError> {
  const rows = yield* settleSole(sql, settlement, next)
  const [receipt] = yield* readReceipts(rows)
  if (receipt !== undefined) {
    const { next_attempt: attempt, next_generation: generation } = rows[0] ?? {}
    const claimed =
      typeof attempt === "number" && typeof generation === "number" ? { attempt, generation } : undefined
    return { applied: { _tag: "Settled", receipt }, freed: freedBy(rows[0]), claimed }
  }
  const { durationMillis, evidence, key, receiptId, token } = settlement
  const event = { _tag: "Evidence", token, evidence, durationMillis } as const
  return { ...(yield* apply(sql, key, event, receiptId)), claimed: undefined }
})

const soleEnds = {
  Performed: { to: "done", outcome: "performed", mark: "performed" },
  Refused: { to: "refused", outcome: "refused", mark: "refused" },
  NotPerformed: { to: "released", outcome: "released", mark: "not_performed" }
} as const

/**
 * The end of an attempt that is in time and has none beside it: the rows of the table whose conditions
 * a single statement can see. Any other ends in no row, and so does one that changes a state of which it
 * was not told: the state's row is locked first.
 */
const settleSole = (
  sql: PgClient.PgClient,
  { durationMillis, evidence, key, receiptId, stateOf, token }: Settlement,
  next: Claim | undefined
): Rows => {
  if (evidence._tag === "Unknown") return Effect.succeed([])
  const { mark, outcome, to } = soleEnds[evidence._tag]
  const body = evidence._tag === "NotPerformed" ? null : evidence.body
  const { proof, reason } = evidence._tag === "NotPerformed" ? evidence : { proof: null, reason: null }
  const effectId = evidence._tag === "Performed" ? evidence.effectId : null
  const changed = to === "done" ? (stateOf ?? null) : null
  return sql<Row>`
    WITH gate AS (${stateGate(sql, changed)}), seen AS (
      SELECT ledger.key_hash, ledger.receipt_id FROM gate, fibric.ledger AS ledger
      WHERE key_hash = ${key.hash}::bytea AND token = ${token}::uuid AND state = 'performing'
        AND NOT beside_earlier AND evidence IS NULL
        AND (${to !== "done"}::boolean OR state_of IS NOT DISTINCT FROM ${changed}::bytea)
      FOR UPDATE OF ledger
    ), moved AS (
      UPDATE fibric.ledger AS ledger
      SET state = ${to}::text, since = clock_timestamp(), revision = revision + 1, passed_doubt = false,
        receipt_id = ${receiptId}::uuid, evidence = ${mark}::text, effect_id = ${effectId}::text
      FROM seen WHERE ledger.key_hash = seen.key_hash
      RETURNING ledger.*, seen.receipt_id AS before_id
    ), evolved AS (${evolve(sql, changed !== null)}), ${claimAlong(sql, next)},
    written AS (
      INSERT INTO fibric.receipt_log (
        id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to,
        duration_millis, proof, reason, body
      )
      SELECT ${receiptId}::uuid, ${outcome}::text, operator, capability, key_hash, key, entity_type, entity_id,
        attempt, 1, before_id, ${durationMillis}::int, ${proof}::text, ${reason}::text, ${body}::text
      FROM moved
      RETURNING ${sql.literal(receiptColumns)}
    )
    SELECT written.*, ${awaited(sql)}, claimed.attempt AS next_attempt, claimed.generation AS next_generation
    FROM written LEFT JOIN claimed ON true`
}

/** Reads, decides and writes, until the row held still in between. */
export const apply = (
  sql: PgClient.PgClient,
  key: KeyName,
  event: Event,
  receiptId: string
): Effect.Effect<Ended, SqlError.SqlError> =>
  Effect.gen(function* () {
    while (true) {
      const row = yield* see(sql, key, event._tag === "Evidence" ? event.token : undefined)
      // Looked for after the row: had the first copy landed in between, the row has moved on.
      const [before] = yield* Effect.flatMap(receiptsById(sql, [receiptId]), readReceipts)
      if (before !== undefined) return ended({ _tag: "Settled", receipt: before })
      if (row === undefined) return ended({ _tag: "Refused", why: "unknown_key", found: "no such key" })
      const applied = yield* write(sql, key, row, decide(row, event, row.nowMillis), receiptId)
      if (applied !== undefined) return applied
    }
  })

const ended = (applied: Applied, freed: Freed | null = null): Ended => ({ applied, freed })

const freedBy = (row: Row | undefined): Freed | null => {
  const { awaited, left_lane: lane } = row ?? {}
  return lane instanceof Uint8Array ? { lane, isAwaited: awaited === true } : null
}

/** Writes a decision; `undefined` where the row is no longer the one that it was made for. */
const write = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  key: KeyName,
  row: SeenRow,
  decision: Decision,
  receiptId: string
) {
  if (decision._tag === "Refuse") return ended(refused(row, decision))
  if (decision._tag === "Keep") {
    const { callOpen, markings, plan } = decision
    if (markings.length === 0 && plan === undefined && callOpen === row.callOpen) return kept
    const rows = yield* keep(sql, key, row, decision)
    return rows.length > 0 ? kept : undefined
  }
  const rows = yield* move(sql, key, row, decision, receiptId)
  const [receipt] = yield* readReceipts(rows)
  return receipt && ended({ _tag: "Settled", receipt }, freedBy(rows[0]))
})

const kept = ended({ _tag: "Kept" })

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
): Rows => sql<Row>`
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
  const isOver = to !== "performing" && to !== "in_doubt"
  const changed = to === "done" && decision.stands && row.state !== "done" ? row.stateOf : null
  const standing = decision.stands
    ? sql`state = ${to}::text, since = clock_timestamp(), receipt_id = ${receiptId}::uuid`
    : sql`state = ${to}::text`
  return sql<Row>`
    WITH gate AS (${stateGate(sql, changed)}), moved AS (
      UPDATE fibric.ledger AS ledger SET ${standing}, passed_doubt = passed_doubt AND NOT ${isOver}::boolean,
        ${assignments(sql, row, decision)}
      FROM gate WHERE key_hash = ${key.hash}::bytea AND revision = ${row.revision}::int
      RETURNING ledger.*
    ), earlier AS (${markEarlier(sql, decision.markings)}), evolved AS (${evolve(sql, changed !== null)}),
    promoted AS (${promote(sql, decision.leavesLane)})
    INSERT INTO fibric.receipt_log (
      id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to,
      duration_millis, proof, reason, body, check_after
    )
    SELECT ${receiptId}::uuid, ${statement.outcome}::text, ${statement.operator}::text, capability, key_hash, key,
      entity_type, entity_id, ${statement.attempt}::int, 1, ${statement.refersTo}::uuid,
      ${statement.durationMillis}::int, ${statement.proof}::text, ${statement.reason}::text,
      ${statement.body}::text, check_after
    FROM moved
    RETURNING ${sql.literal(receiptColumns)}, ${awaited(sql)}`
}

/** Receipts by their ids: how a statement that landed before is recognised. */
export const receiptsById = (sql: PgClient.PgClient, ids: ReadonlyArray<string>): Rows =>
  sql<Row>`SELECT ${sql.literal(receiptColumns)} FROM fibric.receipt_log WHERE id = ANY(${[...ids]}::uuid[])`

/** An array whose type the driver could not tell where all its members are null. */
export const nullable = (values: ReadonlyArray<string | null>, oid: number): PgTypes.Parameter =>
  Result.getOrThrow(PgTypes.array(values, oid))
