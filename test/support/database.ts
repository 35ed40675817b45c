/**
 * A fresh database for a test, in the run's Postgres server. Made and dropped with the scope; or closed to
 * everybody, where the server is thrown away after the run: each drop would write out all that any test
 * has in memory, and takes longer than most tests.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import type { SqlError } from "effect/sql"
import { randomUUID } from "node:crypto"
import { inject } from "vitest"

const urlOf = (database: string): Redacted.Redacted<string> => {
  const url = new URL(inject("databaseUrl"))
  url.pathname = `/${database}`
  return Redacted.make(url.toString())
}

const onServer = <A, E>(use: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
  Effect.scoped(
    Effect.flatMap(
      PgClient.make({ url: Redacted.make(inject("databaseUrl")), maxConnections: 1, minConnections: 0 }).pipe(
        Effect.provide(Reactivity.layer)
      ),
      use
    )
  )

const drop = (name: string) => (sql: PgClient.PgClient) => sql`DROP DATABASE ${sql(name)} WITH (FORCE)`

/** As a drop does: nobody connects any more, and whoever was connected has gone when this returns. */
const close = (name: string) => (sql: PgClient.PgClient) =>
  Effect.andThen(
    sql`ALTER DATABASE ${sql(name)} ALLOW_CONNECTIONS false`,
    sql`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = ${name}`
  )

const database = (
  create: (sql: PgClient.PgClient, name: string) => Effect.Effect<unknown, SqlError.SqlError>
) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const name = `test_${randomUUID().replaceAll("-", "")}`
      return Effect.as(
        onServer((sql) => create(sql, name)),
        { name, url: urlOf(name) }
      )
    }),
    ({ name }) => Effect.orDie(onServer(inject("thrownAway") ? close(name) : drop(name)))
  )

/** A new, empty database; its URL. Gone when the scope closes, whoever is still connected. */
export const freshDatabase = database((sql, name) => sql`CREATE DATABASE ${sql(name)}`)

/** A new database with an empty ledger in it that is up to date: a start finds nothing to do. */
export const ledgerDatabase = database(
  (sql, name) => sql`CREATE DATABASE ${sql(name)} TEMPLATE ${sql(inject("templateDatabase"))}`
)

/** A client for a new database with an empty ledger in it. */
export const layerFreshClient = Layer.unwrap(
  Effect.map(ledgerDatabase, ({ url }) => PgClient.layer({ url, maxConnections: 4 }))
)
