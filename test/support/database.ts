/**
 * A fresh database for a test, in the run's Postgres server. Made and dropped with the scope.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
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

/** A new, empty database; its URL. Dropped when the scope closes, whoever is still connected. */
export const freshDatabase = Effect.acquireRelease(
  Effect.suspend(() => {
    const name = `test_${randomUUID().replaceAll("-", "")}`
    return Effect.as(
      onServer((sql) => sql`CREATE DATABASE ${sql(name)}`),
      { name, url: urlOf(name) }
    )
  }),
  ({ name }) => Effect.orDie(onServer((sql) => sql`DROP DATABASE ${sql(name)} WITH (FORCE)`))
)

/** A client for a new, empty database. */
export const layerFreshClient = Layer.unwrap(
  Effect.map(freshDatabase, ({ url }) => PgClient.layer({ url, maxConnections: 4 }))
)
