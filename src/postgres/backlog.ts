/**
 * backlog: what of the outbox a person looks at: entities whose rows wait, and dead letters.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import type { Backlog, DeadLetter } from "../kernel/Outbox.ts"
import { proposalFields, proposedIn } from "./ProposalRow.ts"
import { decoded } from "./statements.ts"

type Sql = PgClient.PgClient

const BacklogRow = Schema.Struct({
  entity_type: Schema.String,
  entity_id: Schema.String,
  waiting: Schema.Int,
  oldest_at: Schema.DateTimeUtcFromDate,
  reason: Schema.NullOr(Schema.String)
})
const decodeBacklog = Schema.decodeUnknownEffect(Schema.Array(BacklogRow))

export const backlog = (sql: Sql, limit: number): Effect.Effect<ReadonlyArray<Backlog>, SqlError.SqlError> =>
  sql`
    SELECT waiting.entity_type, waiting.entity_id, waiting.waiting, waiting.oldest_at,
      CASE WHEN lane.begun THEN lane.reason END AS reason
    FROM (
      SELECT entity_type, entity_id, count(*)::integer AS waiting, min(proposed_at) AS oldest_at
      FROM fibric.proposal WHERE state = 'waiting'
      GROUP BY entity_type, entity_id
      ORDER BY min(proposed_at) LIMIT ${limit}::integer
    ) AS waiting
    LEFT JOIN fibric.outbox_lane AS lane
      ON lane.entity_type = waiting.entity_type AND lane.entity_id = waiting.entity_id
    ORDER BY waiting.oldest_at`.pipe(
    Effect.flatMap(decodeBacklog),
    Effect.map((rows) =>
      rows.map(({ entity_id, entity_type, oldest_at, reason, waiting }) => ({
        entity: { type: entity_type, id: entity_id },
        waiting,
        oldestAt: oldest_at,
        reason
      }))
    ),
    decoded
  )

const DeadRow = Schema.Struct({
  ...proposalFields,
  proposed_at: Schema.DateTimeUtcFromDate,
  buried_at: Schema.DateTimeUtcFromDate,
  deliveries: Schema.Int,
  reason: Schema.String
})
const decodeDead = Schema.decodeUnknownEffect(Schema.Array(DeadRow))

export const deadLetters = (
  sql: Sql,
  limit: number
): Effect.Effect<ReadonlyArray<DeadLetter>, SqlError.SqlError> =>
  sql`
    SELECT position::text AS position, capability, entity_type, entity_id, payload::text AS payload, decided_at,
      operator, due_at, proposed_at, buried_at, deliveries, reason
    FROM fibric.proposal WHERE state = 'dead'
    ORDER BY fibric.proposal.position LIMIT ${limit}::integer`.pipe(
    Effect.flatMap(decodeDead),
    Effect.map((rows) =>
      rows.map((row) => ({
        ...proposedIn(row),
        proposedAt: row.proposed_at,
        buriedAt: row.buried_at,
        deliveries: row.deliveries,
        reason: row.reason
      }))
    ),
    decoded
  )

/** Back to its place: fresh, so that its entity's lane is looked at. */
export const revive = (sql: Sql, position: bigint): Effect.Effect<boolean, SqlError.SqlError> =>
  Effect.map(
    sql`
      UPDATE fibric.proposal SET state = 'waiting', fresh = true, buried_at = NULL, reason = NULL
      WHERE position = ${String(position)}::text::bigint AND state = 'dead'
      RETURNING 1`,
    (rows) => rows.length > 0
  )

export const drop = (
  sql: Sql,
  { by, position, reason }: { readonly by: string; readonly position: bigint; readonly reason: string }
): Effect.Effect<boolean, SqlError.SqlError> =>
  Effect.map(
    sql`
      UPDATE fibric.proposal SET state = 'dropped', payload = NULL, dropped_by = ${by}::text,
        drop_reason = ${reason}::text, dropped_at = clock_timestamp()
      WHERE position = ${String(position)}::text::bigint AND state = 'dead'
      RETURNING 1`,
    (rows) => rows.length > 0
  )
