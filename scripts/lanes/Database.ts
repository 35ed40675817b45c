/**
 * Database: the database of a run, and what it tells of it: deadlocks, states, who still stands in line.
 */
import { Effect } from "effect"
import { Entity } from "fibric"
import * as Fresh from "../harness/Database.ts"
import { Thing } from "./changes.ts"

export type Database = Effect.Success<typeof make>

/** A new, empty database. */
export const make = Effect.gen(function* () {
  const { sql, url } = yield* Fresh.make("lanes")
  yield* sql`CREATE TABLE lanes_effect (entity text NOT NULL, occasion text NOT NULL)`
  return {
    url,
    /** How many deadlocks Postgres has found here, and how many transactions were committed. */
    totals: Effect.map(
      sql<{ deadlocks: number; commits: number }>`
        SELECT deadlocks::int AS deadlocks, xact_commit::int AS commits FROM pg_stat_database
        WHERE datname = current_database()`,
      ([row]) => row ?? { deadlocks: 0, commits: 0 }
    ),
    /** How many places in line there are. */
    places: Effect.map(sql`SELECT 1 FROM fibric.ticket`, (rows) => rows.length),
    /** How many workers stand in line for an entity's lane. */
    placesOf: (id: string) =>
      Effect.map(
        sql`SELECT 1 FROM fibric.ticket WHERE lane = ${Entity.hash(Thing.at(id))}`,
        (rows) => rows.length
      ),
    /** How many keys are in flight or in doubt. */
    open: Effect.map(
      sql`SELECT 1 FROM fibric.ledger WHERE state IN ('performing', 'in_doubt')`,
      (rows) => rows.length
    ),
    /** What the effects that are SQL have left, by entity and occasion. */
    transacted: sql<{ entity: string; occasion: string }>`SELECT entity, occasion FROM lanes_effect`,
    /** The version of each entity's state, and what the state says that it is. */
    states: Effect.map(
      sql<{ entity: string; version: number; count: number }>`
        SELECT entity_id AS entity, version, COALESCE((state::json ->> 'count')::int, 0) AS count
        FROM fibric.entity`,
      (rows) => new Map(rows.map(({ entity, ...state }) => [entity, state]))
    )
  }
})
