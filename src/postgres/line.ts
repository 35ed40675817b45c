/**
 * line: an entity's state as a guard is shown it, and the line of the workers that wait for its lane.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import type { EntityView, Place } from "../kernel/Ledger.ts"
import { ahead, holderFields, inDoubt, inFlight, obstacleIn } from "./lane.ts"
import { decoded } from "./statements.ts"

type Sql = PgClient.PgClient
type Rows = Effect.Effect<ReadonlyArray<object>, SqlError.SqlError>

const ViewRow = Schema.Struct({
  version: Schema.Int,
  shape: Schema.NullOr(Schema.Int),
  state: Schema.NullOr(Schema.String),
  others_ahead: Schema.Boolean,
  ...holderFields
})

const decodeView = Schema.decodeUnknownEffect(Schema.Tuple([ViewRow]))

/** The state and the lane. The state has a row from here on, so that there is something to lock. */
export const look = (
  sql: Sql,
  { entity, entityHash }: Pick<IdempotencyKey, "entity" | "entityHash">,
  place: Place
): Effect.Effect<EntityView, SqlError.SqlError> =>
  sql`
    WITH made AS (
      INSERT INTO fibric.entity (entity_hash, entity_type, entity_id)
      SELECT ${entityHash}::bytea, ${entity.type}::text, ${entity.id}::text
      WHERE NOT EXISTS (SELECT 1 FROM fibric.entity WHERE entity_hash = ${entityHash}::bytea)
      ON CONFLICT DO NOTHING
    ), ${ahead(sql, place)}
    SELECT COALESCE(entity.version, 0) AS version, entity.shape, entity.state,
      EXISTS (SELECT 1 FROM ahead) AS others_ahead, holder.key AS holder_key,
      holder.in_flight AS holder_in_flight, holder.since AS holder_since, holder.check_after AS holder_check_after
    FROM (SELECT ${entityHash}::bytea AS entity_hash) AS wanted
    LEFT JOIN fibric.entity AS entity ON entity.entity_hash = wanted.entity_hash
    LEFT JOIN LATERAL (
      SELECT key, since, check_after, ${sql.literal(inFlight)} AS in_flight FROM fibric.ledger AS holder
      WHERE holder.entity_hash = ${place.lane}::bytea AND (${sql.literal(inFlight)} OR ${sql.literal(inDoubt)})
      ORDER BY in_flight DESC LIMIT 1
    ) AS holder ON true`.pipe(
    Effect.flatMap(decodeView),
    Effect.map(([row]): EntityView => ({
      version: row.version,
      state: row.state === null || row.shape === null ? null : { shape: row.shape, json: row.state },
      lane: obstacleIn(row) ?? { _tag: row.others_ahead ? "LaneBusy" : "LaneFree" }
    })),
    decoded
  )

/**
 * Takes a place, once, and says whether it is the worker's turn; a doubt that holds the lane counts as a
 * turn, for whoever comes is told of it. Whoever is first while the lane is free is called; if it has not
 * come within its time its place is taken away: if it still waits it takes another one, at the tail. At
 * most one row of another's is touched, so that nobody waits in a circle.
 */
export const queue = (
  sql: Sql,
  { lane, worker }: Place,
  turnMillis: number
): Effect.Effect<{ readonly isTurn: boolean; readonly tookAway: boolean }, SqlError.SqlError> =>
  Effect.map(
    sql<{ is_turn: boolean; took_away: boolean }>`
  WITH free AS (
    SELECT NOT EXISTS (
      SELECT 1 FROM fibric.ledger AS holder
      WHERE holder.entity_hash = ${lane}::bytea AND (${sql.literal(inFlight)} OR ${sql.literal(inDoubt)})
    ) AS is_free, NOT EXISTS (
      SELECT 1 FROM fibric.ledger AS holder
      WHERE holder.entity_hash = ${lane}::bytea AND ${sql.literal(inFlight)}
    ) AS is_idle
  ), head AS (
    SELECT ticket.worker, ticket.number, ticket.called_at, free.is_free,
      ticket.called_at + ${turnMillis}::float8 * interval '1 ms' <= clock_timestamp() AS overdue
    FROM free, fibric.ticket AS ticket
    JOIN fibric.worker AS waiting ON waiting.incarnation = ticket.worker AND waiting.expires_at > clock_timestamp()
    WHERE ticket.lane = ${lane}::bytea
    ORDER BY ticket.number LIMIT 1
  ), called AS (
    UPDATE fibric.ticket AS ticket SET called_at = CASE WHEN head.is_free THEN clock_timestamp() END
    FROM head
    WHERE ticket.lane = ${lane}::bytea AND ticket.number = head.number AND ticket.worker <> ${worker}::uuid
      AND (head.called_at IS NULL) = head.is_free
  ), late AS (
    DELETE FROM fibric.ticket AS ticket USING head
    WHERE ticket.lane = ${lane}::bytea AND ticket.number = head.number AND ticket.worker <> ${worker}::uuid
      AND head.is_free AND head.overdue
    RETURNING 1
  ), mine AS (
    INSERT INTO fibric.ticket (lane, worker) VALUES (${lane}::bytea, ${worker}::uuid)
    ON CONFLICT DO NOTHING
  )
  SELECT free.is_idle AND COALESCE(head.worker = ${worker}::uuid, true) AS is_turn,
    EXISTS (SELECT 1 FROM late) AS took_away
  FROM free LEFT JOIN head ON true`,
    ([row]) => ({ isTurn: row?.is_turn === true, tookAway: row?.took_away === true })
  )

export const leave = (sql: Sql, { lane, worker }: Place): Rows => sql`
  DELETE FROM fibric.ticket WHERE lane = ${lane}::bytea AND worker = ${worker}::uuid`

/** Whoever is first in each of the lanes is told, as \`<lane> <worker>\`. */
export const callFirst = (sql: Sql, channel: string, lanes: ReadonlyArray<Uint8Array>): Rows => sql`
  SELECT pg_notify(${channel}::text, encode(lane, 'hex') || ':' || worker) FROM (
    SELECT DISTINCT ON (ticket.lane) ticket.lane, ticket.worker FROM fibric.ticket
    JOIN fibric.worker AS waiting ON waiting.incarnation = ticket.worker AND waiting.expires_at > clock_timestamp()
    WHERE ticket.lane = ANY(${[...lanes]}::bytea[])
    ORDER BY ticket.lane, ticket.number
  ) AS first`

/** Takes away what a dead worker has left: its places, and its waiting. */
export const sweep = (sql: Sql): Rows => sql`
  WITH dead AS (
    SELECT lane, worker FROM fibric.ticket WHERE NOT EXISTS (
      SELECT 1 FROM fibric.worker WHERE incarnation = ticket.worker AND expires_at > clock_timestamp()
    ) FOR UPDATE SKIP LOCKED
  ), places AS (
    DELETE FROM fibric.ticket USING dead WHERE ticket.lane = dead.lane AND ticket.worker = dead.worker
  ), gone AS (
    SELECT id FROM fibric.waiting WHERE NOT EXISTS (
      SELECT 1 FROM fibric.worker WHERE incarnation = waiting.worker AND expires_at > clock_timestamp()
    ) FOR UPDATE SKIP LOCKED
  )
  DELETE FROM fibric.waiting USING gone WHERE waiting.id = gone.id`

export interface Waiting {
  readonly id: string
  readonly worker: string
  readonly inside: Uint8Array
  readonly awaits: Uint8Array
}

/** Notes a waiting. Run again it adds nothing. */
export const waitFor = (sql: Sql, { awaits, id, inside, worker }: Waiting): Rows => sql`
  INSERT INTO fibric.waiting (id, worker, inside, awaits)
  VALUES (${id}::uuid, ${worker}::uuid, ${inside}::bytea, ${awaits}::bytea)
  ON CONFLICT DO NOTHING`

/** Whether what is awaited waits, directly or through others, for the one that is inside. */
export const closesCircle = (
  sql: Sql,
  { awaits, inside }: Waiting
): Effect.Effect<boolean, SqlError.SqlError> =>
  Effect.map(
    sql`
      WITH RECURSIVE reached AS (
        SELECT ${awaits}::bytea AS lane
        UNION
        SELECT waiting.awaits FROM reached
        JOIN fibric.waiting AS waiting ON waiting.inside = reached.lane
        JOIN fibric.worker AS worker ON worker.incarnation = waiting.worker AND worker.expires_at > clock_timestamp()
      )
      SELECT 1 FROM reached WHERE lane = ${inside}::bytea`,
    (rows) => rows.length > 0
  )

export const waitNoMore = (sql: Sql, id: string): Rows => sql`
  DELETE FROM fibric.waiting WHERE id = ${id}::uuid`
