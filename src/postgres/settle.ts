/**
 * settle: what happens to a key, written with its receipt in one statement.
 *
 * The usual end of a first attempt is decided by the statement itself. Everything else is read, decided
 * by `lifecycle`, and written if the row is still at the revision that was read; else it is read again.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect } from "effect"
import type { SqlError } from "effect/sql"
import type { Applied, KeyName } from "../kernel/Ledger.ts"
import { decide } from "../kernel/lifecycle/Decision.ts"
import type { Decision, Event, Marking } from "../kernel/lifecycle/KeyRow.ts"
import { ints, texts } from "./arrays.ts"
import { awaited, evolve, promote, stateGate } from "./consequences.ts"
import { see, type SeenRow } from "./LedgerRow.ts"
import { readReceipts, receiptColumns } from "./ReceiptRow.ts"
import type { Ending } from "../kernel/GroupCommit.ts"
import { type Ended, type EndedAlong, type Freed, freedBy, settleAll } from "./settlements.ts"

type Row = { readonly [column: string]: unknown }
type Rows = Effect.Effect<ReadonlyArray<Row>, SqlError.SqlError>

/** Records how an attempt's call ended, and where it can claims the next in the same commit. */
export const settle = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  ending: Ending
): Effect.fn.Return<EndedAlong, SqlError.SqlError> {
  const {
    ended: [end]
  } = yield* settleAll(sql, [ending])
  if (end !== undefined) return end
  const { durationMillis, evidence, key, receiptId, token } = ending.settlement
  const event = { _tag: "Evidence", token, evidence, durationMillis } as const
  return { ...(yield* apply(sql, key, event, receiptId)), claimed: undefined }
})

/** Reads, decides and writes, until the row held still in between. */
export const apply = (
  sql: PgClient.PgClient,
  key: KeyName,
  event: Event,
  receiptId: string
): Effect.Effect<Ended, SqlError.SqlError> =>
  Effect.gen(function* () {
    while (true) {
      const row = yield* see(sql, key, askedAbout(event))
      // Looked for after the row: had the first copy landed in between, the row has moved on.
      const [before] = yield* Effect.flatMap(receiptsById(sql, [receiptId]), readReceipts)
      if (before !== undefined) return ended({ _tag: "Settled", receipt: before })
      if (row === undefined) return ended({ _tag: "Refused", why: "unknown_key", found: "no such key" })
      const applied = yield* write(sql, key, row, decide(row, event, row.nowMillis), receiptId)
      if (applied !== undefined) return applied
    }
  })

/** The attempt that an event speaks of, where that need not be the current one. */
const askedAbout = (event: Event) => ({
  token: event._tag === "Evidence" ? event.token : undefined,
  attempt: event._tag === "Lookup" ? event.attempt : undefined
})

const ended = (applied: Applied, freed: Freed | null = null): Ended => ({ applied, freed })

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
    ${ints(markings.map(({ attempt }) => attempt))}, ${texts(markings.map(({ evidence }) => evidence))},
    ${texts(markings.map(({ refusal }) => refusal))}, ${texts(markings.map(({ effectId }) => effectId))}
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
  const settling = row.attempts.find(({ attempt }) => attempt === decision.bindsTo) ?? row.current
  const changed = to === "done" && decision.stands && row.state !== "done" ? settling.stateOf : null
  const standing = decision.stands
    ? sql`state = ${to}::text, since = clock_timestamp(), receipt_id = ${receiptId}::uuid`
    : sql`state = ${to}::text`
  // What the settling attempt was claimed for, its state included, is what happened.
  const [binding, attempts] =
    decision.bindsTo === null
      ? [sql.literal(""), sql.literal("")]
      : [
          sql`, fingerprint = bound.fingerprint, paths = bound.paths, state_of = bound.state_of,
        state_version = bound.state_version, state_shape = bound.state_shape, state_json = bound.state_json`,
          sql` JOIN fibric.attempt AS bound
        ON bound.key_hash = ${key.hash}::bytea AND bound.attempt = ${decision.bindsTo}::int`
        ]
  return sql<Row>`
    WITH gate AS (${stateGate(sql, changed === null ? [] : [changed])}), moved AS (
      UPDATE fibric.ledger AS ledger SET ${standing}, passed_doubt = passed_doubt AND NOT ${isOver}::boolean,
        ${assignments(sql, row, decision)}${binding}
      FROM gate${attempts} WHERE ledger.key_hash = ${key.hash}::bytea AND revision = ${row.revision}::int
      RETURNING ledger.*
    ), earlier AS (${markEarlier(sql, decision.markings)}), evolved AS (${evolve(sql, changed !== null)}),
    promoted AS (${promote(sql, decision.leavesLane)}), written AS (
      INSERT INTO fibric.receipt_log (
        id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to,
        duration_millis, proof, reason, body, check_after
      )
      SELECT ${receiptId}::uuid, ${statement.outcome}::text, ${statement.operator}::text, capability, key_hash,
        key, entity_type, entity_id, ${statement.attempt}::int, 1, ${statement.refersTo}::uuid,
        ${statement.durationMillis}::int, ${statement.proof}::text, ${statement.reason}::text,
        ${statement.body}::text, check_after
      FROM moved
      RETURNING ${sql.literal(receiptColumns)}
    )
    SELECT written.*, moved.entity_hash AS left_lane, ${awaited(sql)} FROM written, moved`
}

/** Receipts by their ids: how a statement that landed before is recognised. */
export const receiptsById = (sql: PgClient.PgClient, ids: ReadonlyArray<string>): Rows =>
  sql<Row>`SELECT ${sql.literal(receiptColumns)} FROM fibric.receipt_log WHERE id = ANY(${[...ids]}::uuid[])`
