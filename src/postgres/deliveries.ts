/**
 * deliveries: the first due row of each entity, taken, and what became of it.
 *
 * The row of an entity in `outbox_lane` is the lock: whoever holds it decides what of the entity is taken, with
 * a statement of its own, so that it sees what was committed before the lock was his. That a fresh row is seen,
 * and that its entity has a lane which is looked at, is one statement: none is forgotten. Everybody locks rows
 * first and lanes second, each in the order of their names, or skips what is locked.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import type { Delivered, Taken } from "../kernel/Outbox.ts"
import { floats, texts, uuids } from "./arrays.ts"
import { inTransaction } from "./inTransaction.ts"
import { proposalFields, proposedIn } from "./ProposalRow.ts"
import { decoded } from "./statements.ts"

type Sql = PgClient.PgClient

/** How many fresh rows one look turns to its entities' lanes at most. */
const maxFresh = 1_000

const LookRow = Schema.Struct({ found: Schema.Boolean })
const decodeLook = Schema.decodeUnknownEffect(Schema.Tuple([LookRow]))

/**
 * Turns fresh rows to their entities' lanes. Says whether it saw any, or whether a lane is due: while neither
 * is so there is nothing to take. A lane whose row has begun is left alone: the row's end has it looked at.
 */
export const look = (
  sql: Sql,
  capabilities: ReadonlyArray<string>
): Effect.Effect<boolean, SqlError.SqlError> =>
  sql`
    WITH fresh AS MATERIALIZED (
      SELECT position, entity_type, entity_id, due_at FROM fibric.proposal
      WHERE fresh ORDER BY position LIMIT ${maxFresh}::integer FOR UPDATE SKIP LOCKED
    ), seen AS (
      UPDATE fibric.proposal AS proposal SET fresh = false FROM fresh WHERE proposal.position = fresh.position
    ), turned AS (
      INSERT INTO fibric.outbox_lane AS lane (entity_type, entity_id, next_at)
      SELECT entity_type, entity_id, min(due_at) FROM fresh
      GROUP BY entity_type, entity_id ORDER BY entity_type, entity_id
      ON CONFLICT (entity_type, entity_id) DO UPDATE
        SET next_at = LEAST(lane.next_at, EXCLUDED.next_at), capability = ''
        WHERE NOT lane.begun
    )
    SELECT EXISTS (SELECT FROM fresh) OR EXISTS (
      SELECT FROM unnest(${texts([...capabilities, ""])}::text[]) AS mine (capability)
      JOIN LATERAL (
        SELECT FROM fibric.outbox_lane AS due
        WHERE due.capability = mine.capability AND due.next_at <= statement_timestamp() LIMIT 1
      ) AS lane ON true
    ) AS found`.pipe(
    Effect.flatMap(decodeLook),
    Effect.map(([{ found }]) => found),
    decoded
  )

const LaneRow = Schema.Struct({ entity_type: Schema.String, entity_id: Schema.String })
const decodeLanes = Schema.decodeUnknownEffect(Schema.Array(LaneRow))

/** Locks the lanes that have been due the longest, at most so many. */
const lockDue = (sql: Sql, capabilities: ReadonlyArray<string>, limit: number) =>
  sql`
    SELECT lane.entity_type, lane.entity_id
    FROM unnest(${texts([...capabilities, ""])}::text[]) AS mine (capability)
    CROSS JOIN LATERAL (
      SELECT entity_type, entity_id, next_at FROM fibric.outbox_lane AS due
      WHERE due.capability = mine.capability AND due.next_at <= statement_timestamp()
      ORDER BY due.next_at LIMIT ${limit}::integer
      FOR UPDATE SKIP LOCKED
    ) AS lane
    ORDER BY lane.next_at LIMIT ${limit}::integer`.pipe(Effect.flatMap(decodeLanes), decoded)

const TakenRow = Schema.Struct({
  ...proposalFields,
  token: Schema.String,
  deliveries: Schema.Int,
  failures: Schema.Int
})
const decodeTaken = Schema.decodeUnknownEffect(Schema.Array(TakenRow))

/**
 * Takes the first row of each of these lanes, which are locked: the one that has begun, or the first of those
 * that are due. A lane whose first row is not of these capabilities is left to whoever has its; one with
 * nothing due sleeps until something is; one with nothing goes away.
 */
const takeHeads = (
  sql: Sql,
  lanes: ReadonlyArray<typeof LaneRow.Type>,
  capabilities: ReadonlyArray<string>,
  leaseMillis: number
) =>
  sql`
    WITH locked AS MATERIALIZED (
      SELECT lane.entity_type, lane.entity_id, lane.begun, lane.head
      FROM unnest(
        ${texts(lanes.map(({ entity_type }) => entity_type))}::text[],
        ${texts(lanes.map(({ entity_id }) => entity_id))}::text[]
      ) AS mine (entity_type, entity_id)
      JOIN fibric.outbox_lane AS lane ON lane.entity_type = mine.entity_type AND lane.entity_id = mine.entity_id
    ), first AS MATERIALIZED (
      SELECT locked.entity_type, locked.entity_id, locked.begun, row.position, row.capability,
        row.capability = ANY(${texts(capabilities)}::text[]) AS is_mine, (
          SELECT min(later.due_at) FROM fibric.proposal AS later
          WHERE row.position IS NULL AND later.entity_type = locked.entity_type
            AND later.entity_id = locked.entity_id AND later.state = 'waiting'
        ) AS later_at
      FROM locked LEFT JOIN LATERAL (
        SELECT due.position, due.capability FROM fibric.proposal AS due
        WHERE due.entity_type = locked.entity_type AND due.entity_id = locked.entity_id
          AND due.state = 'waiting'
          AND CASE WHEN locked.begun THEN due.position = locked.head ELSE due.due_at <= statement_timestamp() END
        ORDER BY due.position LIMIT 1
      ) AS row ON true
    ), taken AS (
      UPDATE fibric.outbox_lane AS lane SET begun = true, head = first.position, capability = first.capability,
        token = gen_random_uuid(), next_at = statement_timestamp() + ${leaseMillis}::float8 * interval '1 ms',
        deliveries = CASE WHEN first.begun THEN lane.deliveries ELSE 0 END + 1,
        failures = CASE WHEN first.begun THEN lane.failures ELSE 0 END,
        reason = CASE WHEN first.begun THEN lane.reason END
      FROM first
      WHERE lane.entity_type = first.entity_type AND lane.entity_id = first.entity_id AND first.is_mine
      RETURNING lane.head, lane.token, lane.deliveries, lane.failures
    ), left_alone AS (
      UPDATE fibric.outbox_lane AS lane SET begun = false, head = NULL, token = NULL,
        capability = COALESCE(first.capability, ''), next_at = COALESCE(first.later_at, lane.next_at)
      FROM first
      WHERE lane.entity_type = first.entity_type AND lane.entity_id = first.entity_id
        AND (first.later_at IS NOT NULL OR NOT first.is_mine)
    ), empty AS (
      DELETE FROM fibric.outbox_lane AS lane USING first
      WHERE lane.entity_type = first.entity_type AND lane.entity_id = first.entity_id
        AND first.position IS NULL AND first.later_at IS NULL
    )
    SELECT proposal.position::text AS position, proposal.capability, proposal.entity_type, proposal.entity_id,
      proposal.payload::text AS payload, proposal.decided_at, proposal.operator, proposal.due_at,
      taken.token::text AS token, taken.deliveries, taken.failures
    FROM taken JOIN fibric.proposal AS proposal ON proposal.position = taken.head`.pipe(
    Effect.flatMap(decodeTaken),
    decoded
  )

/** Two statements in one transaction: the second one sees what was committed before the locks were had. */
export const take = (
  sql: Sql,
  capabilities: ReadonlyArray<string>,
  limit: number,
  leaseMillis: number
): Effect.Effect<ReadonlyArray<Taken>, SqlError.SqlError> =>
  Effect.gen(function* () {
    const lanes = yield* lockDue(sql, capabilities, limit)
    if (lanes.length === 0) return []
    return yield* takeHeads(sql, lanes, capabilities, leaseMillis)
  }).pipe(
    (statements) => inTransaction(sql, statements),
    Effect.map((rows) =>
      rows.map((row): Taken => ({
        ...proposedIn(row),
        token: row.token,
        delivery: row.deliveries,
        failures: row.failures
      }))
    )
  )

/**
 * Says what became of rows, where they are still their takers'; one word about each taking. What ended is deleted, what is dead stays; the
 * lane goes on with the next row at once, or waits with this one.
 */
export const deliver = (
  sql: Sql,
  ended: ReadonlyArray<{ readonly taken: Taken; readonly delivered: Delivered }>
) => sql`
  WITH rows AS MATERIALIZED (
    SELECT position FROM fibric.proposal
    WHERE position = ANY(${texts(ended.map(({ taken }) => String(taken.position)))}::text[]::bigint[])
    ORDER BY position FOR UPDATE
  ), said AS MATERIALIZED (
    SELECT lane.entity_type, lane.entity_id, lane.head, said.verdict, said.after_millis, said.reason
    FROM unnest(
      ${texts(ended.map(({ taken }) => taken.entity.type))}::text[],
      ${texts(ended.map(({ taken }) => taken.entity.id))}::text[],
      ${uuids(ended.map(({ taken }) => taken.token))}::uuid[],
      ${texts(ended.map(({ delivered }) => delivered._tag))}::text[],
      ${floats(ended.map(({ delivered }) => ("afterMillis" in delivered ? delivered.afterMillis : null)))}::float8[],
      ${texts(ended.map(({ delivered }) => ("reason" in delivered ? delivered.reason : null)))}::text[]
    ) AS said (entity_type, entity_id, token, verdict, after_millis, reason)
    JOIN fibric.outbox_lane AS lane ON lane.entity_type = said.entity_type AND lane.entity_id = said.entity_id
    JOIN rows ON rows.position = lane.head
    WHERE lane.begun AND lane.token = said.token
    ORDER BY lane.entity_type, lane.entity_id
    FOR UPDATE OF lane
  ), gone AS (
    DELETE FROM fibric.proposal AS proposal USING said
    WHERE proposal.position = said.head AND said.verdict = 'End'
  ), moved AS (
    UPDATE fibric.outbox_lane AS lane SET token = CASE WHEN said.verdict = 'Renew' THEN lane.token END,
      begun = said.verdict IN ('Renew', 'Again', 'Failed'),
      head = CASE WHEN said.verdict IN ('Renew', 'Again', 'Failed') THEN lane.head END,
      capability = CASE WHEN said.verdict IN ('Renew', 'Again', 'Failed') THEN lane.capability ELSE '' END,
      next_at = statement_timestamp() + COALESCE(said.after_millis, 0) * interval '1 ms',
      failures = lane.failures + CASE WHEN said.verdict = 'Failed' THEN 1 ELSE 0 END,
      reason = CASE WHEN said.verdict = 'Renew' THEN lane.reason ELSE said.reason END
    FROM said
    WHERE lane.entity_type = said.entity_type AND lane.entity_id = said.entity_id
    RETURNING lane.entity_type, lane.entity_id, lane.deliveries
  )
  UPDATE fibric.proposal AS proposal SET state = 'dead', buried_at = clock_timestamp(),
    deliveries = moved.deliveries, reason = said.reason
  FROM said JOIN moved ON moved.entity_type = said.entity_type AND moved.entity_id = said.entity_id
  WHERE proposal.position = said.head AND said.verdict = 'Bury'`
