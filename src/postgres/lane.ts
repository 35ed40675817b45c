/**
 * lane: what stands in the way in an entity's lane, in the words of its indexes, and who waits for it.
 */
import type { PgClient } from "@effect/sql-pg"
import type { Place } from "../kernel/Ledger.ts"

type Sql = PgClient.PgClient

/** A row that is in flight, of the alias `holder`: the predicate of `ledger_flight`. */
export const inFlight = `(holder.state = 'performing' OR holder.call_open)`

/** A row that holds the lane in doubt: the rest of the predicate of `ledger_lane_held`. */
export const inDoubt = `(holder.state = 'in_doubt' AND holder.doubt_holds_lane AND NOT holder.passed_doubt)`

/** A program's doubt is a step's, which may be sent again at any time: nothing passes it. */
export const passable = `holder.recovery NOT LIKE '%"Replay"%'`

/** The worker is alive by a margin when the row is written: a fifth of a second for the statement itself. */
export const workerAlive = (sql: Sql, worker: string) => sql`
  live AS (
    SELECT 1 FROM fibric.worker
    WHERE incarnation = ${worker}::uuid AND expires_at > clock_timestamp() + interval '200 ms'
  )`

/** The places of others that count: a dead worker's are void. */
export const others = (sql: Sql, { lane, worker }: Place) => sql`
  fibric.ticket AS ticket
  JOIN fibric.worker AS waiting ON waiting.incarnation = ticket.worker AND waiting.expires_at > clock_timestamp()
  WHERE ticket.lane = ${lane}::bytea AND ticket.worker <> ${worker}::uuid`

/** Those of others that came before the worker's own. */
export const ahead = (sql: Sql, place: Place) => sql`
  ahead AS (
    SELECT 1 FROM ${others(sql, place)} AND ticket.number < COALESCE(
      (SELECT own.number FROM fibric.ticket AS own WHERE own.lane = ticket.lane AND own.worker = ${place.worker}::uuid),
      ticket.number + 1
    )
    LIMIT 1
  )`
