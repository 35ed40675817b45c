/**
 * Server: the Postgres of a run, with databases that are made for one run of one subject each. It keeps
 * what it confirms (fsync, synchronous commit), is reached over a unix socket, and ends with the scope.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted, type Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import type { SqlError } from "effect/sql"
import * as EmbeddedPostgres from "../../src/host/EmbeddedPostgres.ts"
import { receiptPart, tables } from "../hand/tables.ts"
import * as Subject from "./Subject.ts"

/**
 * The server's own defaults, but for room: no checkpoint falls into a run by itself. Statements are counted
 * only in the databases where it is switched on, for the flushes.
 */
const settings = {
  shared_buffers: "256MB",
  max_wal_size: "4GB",
  checkpoint_timeout: "30min",
  shared_preload_libraries: "pg_stat_statements",
  "pg_stat_statements.track": "none"
}

export interface Server {
  readonly pid: number
  readonly version: string
  /** A client of the maintenance database. */
  readonly sql: PgClient.PgClient
  /** Its clock, as the smallest UUIDv7 of this millisecond. */
  readonly now: Effect.Effect<string, SqlError.SqlError>
  /** What stands in a table of receipts since then, of entities whose id begins so. */
  readonly receiptsSince: (
    database: Database,
    table: string,
    entity: string,
    since: string
  ) => Effect.Effect<Written, SqlError.SqlError>
  /** The database of this name. */
  readonly at: (name: string) => Database
  /** A database that is a copy of another one, gone with the scope. */
  readonly copyOf: (template: string) => Effect.Effect<Database, SqlError.SqlError, Scope.Scope>
  /** A database of this name that stays until the server ends, made by `fill` from a copy. */
  readonly template: <E, R>(
    name: string,
    from: string,
    fill: (database: Database) => Effect.Effect<void, E, R>
  ) => Effect.Effect<void, E | SqlError.SqlError, R>
}

/** How many requests receipts stand for, and how many of these were performed. */
export interface Written {
  readonly requests: number
  readonly performed: number
}

export interface Database {
  readonly name: string
  readonly url: Redacted.Redacted<string>
}

/** fibric's schema and the baselines' beside it, both empty. */
export const empty = "bench_empty"

const connect = (url: Redacted.Redacted<string>) =>
  Effect.provide(PgClient.make({ url, maxConnections: 1 }), Reactivity.layer)

/** Starts it, and makes the empty database. */
export const make = Effect.gen(function* () {
  const { pid, url } = yield* EmbeddedPostgres.make({ settings })
  const sql = yield* connect(url)
  yield* sql`CREATE EXTENSION pg_stat_statements`
  const [row] = yield* sql<{ server_version: string }>`SHOW server_version`
  let made = 0

  const at = (name: string): Database => ({
    name,
    url: Redacted.make(Object.assign(new URL(Redacted.value(url)), { pathname: `/${name}` }).toString())
  })
  const create = (name: string, template: string) =>
    Effect.as(sql`CREATE DATABASE ${sql(name)} TEMPLATE ${sql(template)}`, at(name))

  const server: Server = {
    pid,
    version: row?.server_version ?? "",
    sql,
    at,
    now: Effect.map(
      sql<{ now: string }>`
        SELECT rpad(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0'), 32, '0')::uuid::text
          AS now`,
      ([row]) => row?.now ?? ""
    ),
    receiptsSince: (database, table, entity, since) =>
      Effect.scoped(
        Effect.flatMap(connect(database.url), (sql) =>
          Effect.map(
            sql<Written>`
              SELECT COALESCE(sum(count), 0)::int AS requests,
                COALESCE(sum(count) FILTER (WHERE outcome = 'performed'), 0)::int AS performed
              FROM ${sql(table)}
              WHERE id >= ${since}::uuid AND starts_with(entity_id, ${entity}::text)`,
            ([row]) => row ?? { requests: 0, performed: 0 }
          )
        )
      ),
    copyOf: (template) =>
      Effect.acquireRelease(
        Effect.suspend(() => create(`bench_${(made += 1)}`, template)),
        ({ name }) => Effect.orDie(sql`DROP DATABASE ${sql(name)} WITH (FORCE)`)
      ),
    template: (name, from, fill) => Effect.flatMap(create(name, from), fill)
  }
  yield* server.template(empty, "template1", prepare)
  return server
})

/** fibric makes its schema by starting; the baselines' is made from it. */
const prepare = Effect.fnUntraced(function* (database: Database) {
  yield* Effect.scoped(Subject.start("fibric", database.url))
  const sql = yield* connect(database.url)
  const [row] = yield* sql.unsafe<{ part: string }>(receiptPart)
  for (const statement of tables(row?.part ?? "fibric.receipt_log")) yield* sql.unsafe(statement)
}, Effect.scoped)
