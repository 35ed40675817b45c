/**
 * Server: a Postgres of the run's own, with one database, which can be stopped in the middle of
 * everything and started again on what it had written.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Exit, Redacted, Schedule, Scope, Semaphore } from "effect"
import { Reactivity } from "effect/reactivity"
import { Identifiers } from "fibric"
import { rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as EmbeddedPostgres from "../../src/host/EmbeddedPostgres.ts"
import * as Process from "../../src/host/embedded-postgres/Process.ts"

/** Fewer than the workers and those who stand beside them could open when somebody takes them all. */
export const maxConnections = 70

const databaseName = "chaos"

export interface Server {
  /** The server's socket, as long as it is not started again. */
  readonly socket: () => string
  /** The database, past the wire. */
  readonly url: () => Redacted.Redacted<string>
  /** The database, where somebody listens in the server's place. */
  readonly urlAt: (port: number) => Redacted.Redacted<string>
  /** Immediate shutdown: nothing is written, sessions end where they are; then a start that recovers. */
  readonly restart: Effect.Effect<void, EmbeddedPostgres.EmbeddedPostgresError>
}

export const make = Effect.gen(function* () {
  const directory = join(tmpdir(), `fibric-chaos-${yield* Identifiers.token}`)
  yield* Effect.addFinalizer(() => Effect.promise(() => rm(directory, { recursive: true, force: true })))
  const outer = yield* Effect.scope
  const oneAtATime = yield* Semaphore.make(1)
  const start = Effect.gen(function* () {
    const scope = yield* Scope.fork(outer)
    const postgres = yield* Scope.provide(
      EmbeddedPostgres.make({ directory, settings: { max_connections: String(maxConnections) } }),
      scope
    )
    return { scope, postgres }
  })
  let current = yield* start
  const urlAs = (change: (url: URL) => void) => {
    const url = new URL(Redacted.value(current.postgres.url))
    url.pathname = `/${databaseName}`
    change(url)
    return Redacted.make(url.toString())
  }
  const restart = Effect.gen(function* () {
    const { postgres, scope } = current
    yield* Effect.sync(() => process.kill(postgres.pid, "SIGQUIT"))
    yield* Effect.repeat(Process.identify(postgres.pid), {
      while: (found) => found._tag === "Some",
      schedule: Schedule.spaced("10 millis").pipe(Schedule.upTo({ duration: "10 seconds" }))
    })
    yield* Scope.close(scope, Exit.void)
    current = yield* start
  })
  yield* withClient(current.postgres.url, (sql) => sql`CREATE DATABASE ${sql(databaseName)}`)
  const server: Server = {
    // The host of its address is the folder that the socket is in.
    socket: () =>
      `${decodeURIComponent(new URL(Redacted.value(current.postgres.url)).hostname)}/.s.PGSQL.5432`,
    url: () => urlAs(() => undefined),
    urlAt: (port) =>
      urlAs((url) => {
        url.host = `127.0.0.1:${port}`
      }),
    restart: oneAtATime.withPermit(Effect.uninterruptible(restart))
  }
  yield* withClient(
    server.url(),
    (sql) =>
      sql`CREATE TABLE chaos_effect (entity text NOT NULL, occasion text NOT NULL, attempt integer NOT NULL)`
  )
  return server
})

/** A connection of its own for one purpose: the one before may have died with the server. */
export const withClient = <A, E, R>(
  url: Redacted.Redacted<string>,
  use: (sql: PgClient.PgClient) => Effect.Effect<A, E, R>
) =>
  Effect.scoped(
    Effect.flatMap(
      Effect.provide(
        PgClient.makeClient({ url, multiplex: false, connectTimeout: "5 seconds", applicationName: "chaos" }),
        Reactivity.layer
      ),
      use
    )
  )
