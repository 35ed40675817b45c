/**
 * consequences: what a settlement does beside its key's row, in the same statement, of the alias `moved`:
 * to the entity's state, to those that stand beside the lane, and for whoever comes next.
 */
import type { PgClient } from "@effect/sql-pg"
import type { Claim } from "../kernel/Ledger.ts"
import { insertRow } from "./claim.ts"
import { others, workerAlive } from "./lane.ts"

type Sql = PgClient.PgClient

/** The lock on an entity's state, which everybody takes before the ledger's rows. */
export const stateGate = (sql: Sql, stateOf: Uint8Array | null) =>
  stateOf === null
    ? sql`SELECT 1`
    : sql`SELECT 1 FROM fibric.entity WHERE entity_hash = ${stateOf}::bytea FOR UPDATE`

/** What was performed changes the state as its claim said; a state that has moved on is only counted up. */
export const evolve = (sql: Sql, changes: boolean) =>
  changes
    ? sql`
      UPDATE fibric.entity AS entity
      SET version = entity.version + 1, changed_at = clock_timestamp(),
        state = CASE WHEN entity.version = moved.state_version THEN moved.state_json ELSE entity.state END,
        shape = CASE WHEN entity.version = moved.state_version THEN moved.state_shape ELSE entity.shape END
      FROM moved WHERE entity.entity_hash = moved.state_of`
    : sql`SELECT 1`

/** The next claim joins the row that has left the lane: it can't come before it. */
export const claimAlong = (sql: Sql, next: Claim | undefined) =>
  next === undefined
    ? sql`claimed AS (SELECT NULL::int AS attempt, NULL::int AS generation)`
    : sql`${workerAlive(sql, next.worker)}, claimed AS (${insertRow(
        sql,
        next,
        sql`false`,
        sql`FROM moved, live WHERE moved.entity_hash = ${next.lane}::bytea
          AND NOT EXISTS (SELECT 1 FROM ${others(sql, next)})`
      )})`

/** The lane that may have been left, and whether a worker waits for it as far as this statement sees. */
export const awaited = (sql: Sql) => sql`
  (SELECT entity_hash FROM moved) AS left_lane,
  EXISTS (SELECT 1 FROM fibric.ticket JOIN moved ON ticket.lane = moved.entity_hash) AS awaited`

/** Of those that passed the doubt which leaves the lane now, the oldest takes the lane over. */
export const promote = (sql: Sql, leavesLane: boolean) =>
  leavesLane
    ? sql`
      UPDATE fibric.ledger AS ledger SET passed_doubt = false, revision = ledger.revision + 1
      FROM (
        SELECT passed.key_hash FROM moved, fibric.ledger AS passed
        WHERE passed.entity_hash = moved.entity_hash AND passed.passed_doubt AND (
          passed.state = 'performing' OR (passed.state = 'in_doubt' AND passed.doubt_holds_lane)
        )
        ORDER BY passed.claimed_at LIMIT 1
        FOR UPDATE OF passed
      ) AS passed
      WHERE ledger.key_hash = passed.key_hash`
    : sql`SELECT 1`
