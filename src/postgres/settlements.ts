/**
 * settlements: how attempts ended, as many as end together, each with its receipt, in one commit.
 *
 * It is the usual end: an attempt that is in time and has none beside it, the rows of the table whose
 * conditions a single statement can see. A settlement can bring the entity's next claim; it is claimed in
 * the same commit, of no lane that this commit does not itself empty. States are locked first, then keys
 * in one order.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { ofLedger } from "../domain/Receipt.ts"
import type { Ending } from "../kernel/GroupCommit.ts"
import type { Applied, Claim, KeyName, Settlement, SettledAlong } from "../kernel/Ledger.ts"
import { hashes, ints, texts, uuids } from "./arrays.ts"
import { asked, insertRows } from "./claims.ts"
import { awaited, evolve, stateGate } from "./consequences.ts"
import { isAlive, others } from "./lane.ts"
import { decoded } from "./statements.ts"

type Sql = PgClient.PgClient
type Row = { readonly [column: string]: unknown }

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

/** The lane that a row's commit may have freed. */
export const freedBy = (row: Row | undefined): Freed | null => {
  const { awaited, left_lane: lane } = row ?? {}
  return lane instanceof Uint8Array ? { lane, isAwaited: awaited === true } : null
}

const ends = {
  Performed: { to: "done", outcome: "performed", mark: "performed" },
  Refused: { to: "refused", outcome: "refused", mark: "refused" },
  NotPerformed: { to: "released", outcome: "released", mark: "not_performed" }
} as const

/** What a settlement writes; `undefined` where what it says has to be decided on the row. */
const writingOf = ({ durationMillis, evidence, key, lane, receiptId, stateOf, token }: Settlement) => {
  if (evidence._tag === "Unknown") return undefined
  const end = ends[evidence._tag]
  const denial = evidence._tag === "NotPerformed" ? evidence : { proof: null, reason: null }
  return {
    ...end,
    lane,
    hash: key.hash,
    token,
    receiptId,
    durationMillis,
    proof: denial.proof,
    reason: denial.reason,
    body: evidence._tag === "NotPerformed" ? null : evidence.body,
    effectId: evidence._tag === "Performed" ? evidence.effectId : null,
    changes: end.to === "done" ? (stateOf ?? null) : null
  }
}

type Writing = NonNullable<ReturnType<typeof writingOf>>

/** The one order that everybody takes rows in: by lane and key. */
const inOrder = (a: Writing, b: Writing): number =>
  Buffer.compare(a.lane ?? a.hash, b.lane ?? b.hash) || Buffer.compare(a.hash, b.hash)

const endings = (sql: Sql, writings: ReadonlyArray<Writing>) => sql`
  ending AS (
    SELECT * FROM unnest(
      ${hashes(writings.map(({ hash }) => hash))}, ${uuids(writings.map(({ token }) => token))},
      ${uuids(writings.map(({ receiptId }) => receiptId))}, ${texts(writings.map(({ to }) => to))},
      ${texts(writings.map(({ outcome }) => outcome))}, ${texts(writings.map(({ mark }) => mark))},
      ${texts(writings.map(({ effectId }) => effectId))}, ${ints(writings.map(({ durationMillis }) => durationMillis))},
      ${texts(writings.map(({ proof }) => proof))}, ${texts(writings.map(({ reason }) => reason))},
      ${texts(writings.map(({ body }) => body))}, ${hashes(writings.map(({ changes }) => changes))}
    ) WITH ORDINALITY AS ending (
      key_hash, token, receipt_id, state, outcome, mark, effect_id, duration_millis, proof, reason, body, changes, number
    )
    ORDER BY number
  )`

/** The next claims join the rows that have left their lanes: none can come before. */
const claimsAlong = (sql: Sql, claims: ReadonlyArray<Claim>) =>
  claims.length === 0
    ? sql`claimed AS (SELECT NULL::bytea AS entity_hash WHERE false)`
    : sql`${asked(sql, claims)}, claimed AS (${insertRows(
        sql,
        claims,
        sql`false`,
        sql`FROM moved JOIN asked ON asked.lane = moved.entity_hash
          JOIN fibric.worker AS live ON live.incarnation = asked.worker
          WHERE ${sql.literal(isAlive)}
            AND NOT EXISTS (SELECT 1 FROM ${others(sql, sql`asked.lane`, sql`asked.worker`)})
          ORDER BY asked.lane, asked.key_hash`
      )})`

/** What became of endings in their order, and whether keys that were sought beside them are known to be new. */
export interface Together {
  readonly ended: ReadonlyArray<EndedAlong | undefined>
  readonly areNew: boolean
}

/** Settles what ends as usual. The others are told `undefined`: nothing of theirs was written. */
export const settleAll = (
  sql: Sql,
  batch: ReadonlyArray<Ending>,
  sought: ReadonlyArray<KeyName> = []
): Effect.Effect<Together, SqlError.SqlError> =>
  Effect.gen(function* () {
    const usual = batch.flatMap(({ next, settlement }) => {
      const writing = writingOf(settlement)
      // Whose place in the one order is not known goes alone.
      const isPlaced = batch.length === 1 || settlement.lane !== undefined
      return writing === undefined || !isPlaced ? [] : [{ writing, next }]
    })
    if (usual.length === 0) return notTogether(batch)
    const rows = yield* write(
      sql,
      usual.map(({ writing }) => writing).sort(inOrder),
      usual.flatMap(({ next }) => next ?? []),
      sought
    )
    const found = new Map(rows.map((row) => [row.id, row]))
    const ended = new Map(
      usual.flatMap(({ writing }) => {
        const row = found.get(writing.receiptId)
        return row === undefined ? [] : [[writing.receiptId, endedAs(writing, row)] as const]
      })
    )
    return {
      ended: batch.map(({ settlement }) => ended.get(settlement.receiptId)),
      areNew: rows[0]?.are_new === true
    }
  })

/** Nothing was done, and nothing is known. */
export const notTogether = (batch: ReadonlyArray<unknown>): Together => ({
  ended: batch.map(() => undefined),
  areNew: false
})

/** Said by each row, and found out once. */
const areNew = (sql: Sql, sought: ReadonlyArray<KeyName>) =>
  sought.length === 0
    ? sql`false AS are_new`
    : sql`
      NOT EXISTS (
        SELECT 1 FROM fibric.ledger AS known WHERE known.key_hash = ANY(${hashes(sought.map(({ hash }) => hash))})
      ) AS are_new`

// Rows are looked for one after the other, in the order of the settlements: joined as two sets the planner,
// who expects one row of each, compares every settlement with every row. The state is compared under a
// collation that is not the indexes': by state it would read the index of what is in flight from end to end,
// with every dead entry that is still in it.
const write = (
  sql: Sql,
  writings: ReadonlyArray<Writing>,
  claims: ReadonlyArray<Claim>,
  sought: ReadonlyArray<KeyName>
): Effect.Effect<ReadonlyArray<typeof MovedRow.Type>, SqlError.SqlError> => {
  const changes = writings.flatMap(({ changes }) => changes ?? [])
  return sql`
    WITH ${endings(sql, writings)}, gate AS (${stateGate(sql, changes)}), seen AS (
      SELECT before.key_hash, before.receipt_id AS before_id, ending.receipt_id, ending.state, ending.outcome,
        ending.mark, ending.effect_id, ending.duration_millis, ending.proof, ending.reason, ending.body
      FROM ending, LATERAL (
        SELECT key_hash, receipt_id FROM fibric.ledger AS ledger
        WHERE ledger.key_hash = ending.key_hash
          AND ledger.token = ending.token AND ledger.state = 'performing' COLLATE "C"
          AND NOT ledger.beside_earlier AND ledger.evidence IS NULL
          AND (ending.state <> 'done' OR ledger.state_of IS NOT DISTINCT FROM ending.changes)
        FOR UPDATE
      ) AS before
      WHERE ending.changes IS NULL OR ending.changes IN (SELECT entity_hash FROM gate)
    ), moved AS (
      UPDATE fibric.ledger AS ledger
      SET state = seen.state, since = clock_timestamp(), revision = revision + 1, passed_doubt = false,
        receipt_id = seen.receipt_id, evidence = seen.mark, effect_id = seen.effect_id
      FROM seen WHERE ledger.key_hash = seen.key_hash
      RETURNING ledger.key_hash, ledger.entity_hash, ledger.capability, ledger.key, ledger.entity_type,
        ledger.entity_id, ledger.operator, ledger.attempt, ledger.state, ledger.since, ledger.receipt_id,
        ledger.state_of, ledger.state_version, ledger.state_shape, ledger.state_json, seen.before_id, seen.outcome, seen.duration_millis, seen.proof, seen.reason, seen.body
    ), evolved AS (${evolve(sql, changes.length > 0)}), ${claimsAlong(sql, claims)},
    written AS (
      INSERT INTO fibric.receipt_log (
        id, at, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to,
        duration_millis, proof, reason, body
      )
      SELECT receipt_id, since, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, 1,
        before_id, duration_millis, proof, reason, body
      FROM moved
    )
    SELECT receipt_id AS id, since AS at, operator, capability, key, entity_type, entity_id, attempt,
      before_id AS refers_to, entity_hash AS left_lane, ${awaited(sql)},
      entity_hash IN (SELECT entity_hash FROM claimed) AS took_along, ${areNew(sql, sought)}
    FROM moved`.pipe(Effect.flatMap(decodeMoved), decoded)
}

/** What the database adds to a settlement's receipt, and what it says about the lane. */
const MovedRow = Schema.Struct({
  id: Schema.String,
  at: Schema.Date,
  operator: Schema.String,
  capability: Schema.String,
  key: Schema.String,
  entity_type: Schema.String,
  entity_id: Schema.String,
  attempt: Schema.Int,
  refers_to: Schema.NullOr(Schema.String),
  left_lane: Schema.Uint8Array,
  awaited: Schema.Boolean,
  took_along: Schema.Boolean,
  are_new: Schema.Boolean
})
const decodeMoved = Schema.decodeUnknownEffect(Schema.Array(MovedRow))

const endedAs = (writing: Writing, row: typeof MovedRow.Type): EndedAlong => ({
  applied: {
    _tag: "Settled",
    receipt: ofLedger({
      id: row.id,
      at: DateTime.fromDateUnsafe(row.at),
      outcome: writing.outcome,
      operator: row.operator,
      capability: row.capability,
      key: row.key,
      entity: { type: row.entity_type, id: row.entity_id },
      attempt: row.attempt,
      count: 1,
      refersTo: row.refers_to,
      durationMillis: writing.durationMillis,
      proof: writing.proof,
      reason: writing.reason,
      body: writing.body,
      checkAfter: null
    })
  },
  freed: freedBy(row),
  // What goes along is a key's first attempt.
  claimed: row.took_along ? { attempt: 1, generation: 0 } : undefined
})
