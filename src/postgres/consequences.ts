/**
 * consequences: what a settlement does beside its key's row, in the same statement, of the alias `moved`:
 * to the entity's state, to those that stand beside the lane, and for whoever comes next.
 */
import type { PgClient } from "@effect/sql-pg"
import { hashes } from "./arrays.ts"

type Sql = PgClient.PgClient

/** The locks on entities' states, which everybody takes before the ledger's rows, in one order. */
export const stateGate = (sql: Sql, entities: ReadonlyArray<Uint8Array>) =>
  entities.length === 0
    ? sql`SELECT NULL::bytea AS entity_hash`
    : sql`
      SELECT entity_hash FROM fibric.entity WHERE entity_hash = ANY(${hashes(entities)})
      ORDER BY entity_hash FOR UPDATE`

/** What was performed changes the state as its claim said; a state that has moved on is only counted up. */
export const evolve = (sql: Sql, changes: boolean) =>
  changes
    ? sql`
      UPDATE fibric.entity AS entity
      SET version = entity.version + 1, changed_at = clock_timestamp(),
        state = CASE WHEN entity.version = moved.state_version THEN moved.state_json ELSE entity.state END,
        shape = CASE WHEN entity.version = moved.state_version THEN moved.state_shape ELSE entity.shape END
      FROM moved WHERE entity.entity_hash = moved.state_of AND moved.state = 'done'`
    : sql`SELECT 1`

/** Whether a worker waits for the lane that may have been left, as far as this statement sees. */
export const awaited = (sql: Sql) => sql`
  EXISTS (SELECT 1 FROM fibric.ticket WHERE ticket.lane = moved.entity_hash) AS awaited`

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
