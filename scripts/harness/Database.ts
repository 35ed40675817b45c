/**
 * Database: a fresh database for one run of a harness, in the server of `DATABASE_URL` or in one that is
 * started for it. It is dropped with the scope.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { Identifiers } from "fibric"
import * as FibricEmbedded from "fibric/embedded"

const connect = (url: Redacted.Redacted<string>) =>
  Effect.provide(PgClient.make({ url, maxConnections: 2, minConnections: 0 }), Reactivity.layer)

/** A new, empty database: where it is, and a client for it. */
export const make = Effect.fnUntraced(function* (
  harness: "crash" | "lanes" | "cluster" | "receipts" | "outbox" | "laws"
) {
  const server = yield* FibricEmbedded.database()
  // A pool opens no connection any more while its own scope closes: dropping needs one of its own.
  const onServer = <A, E>(use: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
    Effect.scoped(Effect.flatMap(connect(server.url), use))
  const name = `${harness}_${(yield* Identifiers.token).replaceAll("-", "")}`
  yield* Effect.acquireRelease(
    onServer((sql) => sql`CREATE DATABASE ${sql(name)}`),
    () => Effect.orDie(onServer((sql) => sql`DROP DATABASE ${sql(name)} WITH (FORCE)`))
  )
  const url = Redacted.make(
    Object.assign(new URL(Redacted.value(server.url)), { pathname: `/${name}` }).toString()
  )
  return { url, sql: yield* connect(url) }
})
