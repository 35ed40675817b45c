/**
 * Databases and roles for the tests of starting: where a URL leads, a role that is nobody's yet, a
 * client that is the test's own and not the ledger's, and the ledger's connections as a start opens them.
 */
import { PgClient } from "@effect/sql-pg"
import { Deferred, Effect, Fiber, Layer, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { randomUUID } from "node:crypto"
import { inject } from "vitest"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"

/** A password that no message may repeat. */
export const secret = "not-for-any-message"

/** The same URL with some of its parts replaced. */
export const withParts = (
  url: Redacted.Redacted<string>,
  parts: { readonly username?: string; readonly password?: string; readonly pathname?: string }
): Redacted.Redacted<string> => Redacted.make(Object.assign(new URL(Redacted.value(url)), parts).toString())

/** Where a URL leads, as a message should say it: a socket's folder reads as a path. */
export const place = (url: Redacted.Redacted<string>): string => {
  const { host, pathname } = new URL(Redacted.value(url))
  return decodeURIComponent(host) + pathname
}

/** Uses a plain client for a database. */
export const onDatabase = <A, E>(
  url: Redacted.Redacted<string>,
  use: (sql: PgClient.PgClient) => Effect.Effect<A, E>
) =>
  Effect.scoped(
    Effect.flatMap(
      PgClient.make({ url, maxConnections: 1, minConnections: 0 }).pipe(Effect.provide(Reactivity.layer)),
      use
    )
  )

/** The ledger's connections, opened as a starting fibric opens them: checked, and the schema up to date. */
export const openLedger = (url: Redacted.Redacted<string>) =>
  Layer.build(LedgerClient.layer.pipe(Layer.provide(Layer.orDie(PgClient.layer({ url, maxConnections: 1 })))))

/**
 * A role that can log in and has no other right. Taken before a database, so that it is dropped after
 * the database that it has rights in; it stays with the database where that stays.
 */
export const freshRole = Effect.gen(function* () {
  const sql = yield* PgClient.make({
    url: Redacted.make(inject("databaseUrl")),
    maxConnections: 1,
    minConnections: 0
  }).pipe(Effect.provide(Reactivity.layer))
  const name = `role_${randomUUID().replaceAll("-", "")}`
  yield* Effect.acquireRelease(
    sql`CREATE ROLE ${sql(name)} LOGIN PASSWORD ${sql.literal(`'${secret}'`)}`,
    () => (inject("thrownAway") ? Effect.void : Effect.orDie(sql`DROP ROLE ${sql(name)}`))
  )
  return { name, sql }
})

/** Returns once a statement waits for a lock that somebody else holds. */
export const somebodyWaits = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* eventually(
    Effect.map(
      sql`
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      (rows) => (rows.length > 0 ? true : undefined)
    )
  )
})

/** Holds what a statement locks until told otherwise. */
export const holding = Effect.fnUntraced(function* (
  lock: (sql: PgClient.PgClient) => Effect.Effect<unknown, unknown>
) {
  const sql = yield* PgClient.PgClient
  const isHeld = yield* Deferred.make<void>()
  const goOn = yield* Deferred.make<void>()
  const holder = yield* Effect.forkDetach(
    sql.withTransaction(
      Effect.gen(function* () {
        yield* lock(sql)
        yield* Deferred.succeed(isHeld, undefined)
        yield* Deferred.await(goOn)
      })
    ),
    { startImmediately: true }
  )
  yield* Deferred.await(isHeld)
  return { letGo: Effect.andThen(Deferred.succeed(goOn, undefined), Fiber.join(holder)) }
})

/** A ledger over a database of its own, its connections, and a client that is the test's. */
export const layerAlone = Layer.unwrap(
  Effect.map(ledgerDatabase, ({ url }) =>
    PgLedger.layer.pipe(
      Layer.provideMerge(LedgerClient.layer),
      Layer.provideMerge(PgClient.layer({ url, maxConnections: 3 }))
    )
  )
)
