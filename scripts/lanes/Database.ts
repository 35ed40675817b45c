/**
 * Database: a fresh database for one run of the harness, in the server of `DATABASE_URL` or in one that is
 * started for it, and what it tells of a run: deadlocks, states, who still stands in line. It is dropped
 * with the scope.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { Entity, Identifiers } from "fibric"
import * as FibricEmbedded from "fibric/embedded"
import { Thing } from "./changes.ts"

const connect = (url: Redacted.Redacted<string>) =>
  Effect.provide(PgClient.make({ url, maxConnections: 2, minConnections: 0 }), Reactivity.layer)

export type Database = Effect.Success<typeof make>

/** A new, empty database. */
export const make = Effect.gen(function* () {
  const server = yield* FibricEmbedded.database()
  // A pool opens no connection any more while its own scope closes: dropping needs one of its own.
  const onServer = <A, E>(use: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
    Effect.scoped(Effect.flatMap(connect(server.url), use))
  const name = `lanes_${(yield* Identifiers.token).replaceAll("-", "")}`
  yield* Effect.acquireRelease(
    onServer((sql) => sql`CREATE DATABASE ${sql(name)}`),
    () => Effect.orDie(onServer((sql) => sql`DROP DATABASE ${sql(name)} WITH (FORCE)`))
  )
  const url = Redacted.make(
    Object.assign(new URL(Redacted.value(server.url)), { pathname: `/${name}` }).toString()
  )
  const sql = yield* connect(url)
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
