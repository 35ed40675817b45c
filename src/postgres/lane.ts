/**
 * lane: what stands in the way in an entity's lane, in the words of its indexes, and who waits for it.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Schema } from "effect"
import type { Statement } from "effect/sql"
import type { LaneHolder, Place } from "../kernel/Ledger.ts"

type Sql = PgClient.PgClient

/** A row that is in flight, of the alias `holder`: the predicate of `ledger_flight`. */
export const inFlight = `(holder.state = 'performing' OR holder.call_open)`

/** A row that holds the lane in doubt: the rest of the predicate of `ledger_lane_held`. */
export const inDoubt = `(holder.state = 'in_doubt' AND holder.doubt_holds_lane AND NOT holder.passed_doubt)`

/** A program's doubt is a step's, which may be sent again at any time: nothing passes it. */
export const passable = `holder.recovery NOT LIKE '%"Replay"%'`

/** The worker is alive by a margin when the row is written: a fifth of a second for the statement itself. */
export const isAlive = `live.expires_at > clock_timestamp() + interval '200 ms'`

/** The same for the one worker of a statement. */
export const workerAlive = (sql: Sql, worker: string) => sql`
  live AS (
    SELECT 1 FROM fibric.worker AS live WHERE live.incarnation = ${worker}::uuid AND ${sql.literal(isAlive)}
  )`

/** The places of others in a lane that count: a dead worker's are void. */
export const others = (sql: Sql, lane: Statement.Fragment, worker: Statement.Fragment) => sql`
  fibric.ticket AS ticket
  JOIN fibric.worker AS waiting ON waiting.incarnation = ticket.worker AND waiting.expires_at > clock_timestamp()
  WHERE ticket.lane = ${lane} AND ticket.worker <> ${worker}`

/** Those of others that came before the worker's own. */
export const ahead = (sql: Sql, place: Place) => sql`
  ahead AS (
    SELECT 1 FROM ${others(sql, sql`${place.lane}::bytea`, sql`${place.worker}::uuid`)} AND ticket.number < COALESCE(
      (SELECT own.number FROM fibric.ticket AS own WHERE own.lane = ticket.lane AND own.worker = ${place.worker}::uuid),
      ticket.number + 1
    )
    LIMIT 1
  )`

/** Who is in flight in a lane, or holds it in doubt, in a row's columns; `null` where nobody is. */
export const holderFields = {
  holder_key: Schema.NullOr(Schema.String),
  holder_in_flight: Schema.NullOr(Schema.Boolean),
  holder_since: Schema.NullOr(Schema.Date),
  holder_check_after: Schema.NullOr(Schema.Date)
} as const

const HolderRow = Schema.Struct(holderFields)

/** What such a row says about the lane; `undefined` where nobody is in it. */
export const obstacleIn = (
  row: typeof HolderRow.Type
): { readonly _tag: "LaneBusy" } | LaneHolder | undefined => {
  const { holder_check_after, holder_in_flight, holder_key, holder_since } = row
  if (holder_key === null || holder_since === null) return undefined
  if (holder_in_flight === true) return { _tag: "LaneBusy" }
  return {
    _tag: "LaneHeld",
    key: holder_key,
    since: DateTime.fromDateUnsafe(holder_since),
    checkAfter: holder_check_after === null ? null : DateTime.fromDateUnsafe(holder_check_after)
  }
}
