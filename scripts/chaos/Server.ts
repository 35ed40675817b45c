/**
 * Server: a Postgres of the run's own, with one database, which can be stopped in the middle of
 * everything and started again on what it had written.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Exit, Redacted, Schedule, Scope, Semaphore } from "effect"
import { Reactivity } from "effect/reactivity"
import { Identifiers } from "fibric"
import { rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as EmbeddedPostgres from "../../src/host/EmbeddedPostgres.ts"
import * as Process from "../../src/host/embedded-postgres/Process.ts"

/** Fewer than the workers and those who stand beside them could open when somebody takes them all. */
export const maxConnections = 70

const databaseName = "chaos"

export interface Server {
  /** The cluster's folder. */
  readonly directory: string
  /** A link to the folder of the server's socket, which is another one after each start. */
  readonly socketFolder: string
  /** The server's socket. */
  readonly socket: () => string
  /** The database, past the wire. */
  readonly url: () => Redacted.Redacted<string>
  /** The database, where somebody listens in the server's place. */
  readonly urlAt: (port: number) => Redacted.Redacted<string>
  /** Immediate shutdown: nothing is written, sessions end where they are; then a start that recovers. */
  readonly restart: Effect.Effect<void, EmbeddedPostgres.EmbeddedPostgresError>
  /** Starts it where it has ended by itself. */
  readonly revive: Effect.Effect<void, EmbeddedPostgres.EmbeddedPostgresError>
}

/** Where the cluster's folder goes; nothing is there yet, nor after the scope. */
export const newDirectory = Effect.acquireRelease(
  Effect.map(Identifiers.token, (token) => join(tmpdir(), `fibric-chaos-${token}`)),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

export const make = Effect.fnUntraced(function* (
  directory: string,
  settings: Readonly<Record<string, string>> = {}
) {
  const socketFolder = join(directory, "socket")
  const outer = yield* Effect.scope
  const oneAtATime = yield* Semaphore.make(1)
  const start = Effect.gen(function* () {
    const scope = yield* Scope.fork(outer)
    const postgres = yield* Scope.provide(
      EmbeddedPostgres.make({
        directory,
        settings: { max_connections: String(maxConnections), ...settings }
      }),
      scope
    )
    yield* Effect.promise(async () => {
      await rm(socketFolder, { force: true })
      await symlink(folderOf(postgres.url), socketFolder)
    })
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
    yield* Effect.ignore(Effect.try(() => process.kill(postgres.pid, "SIGQUIT")))
    yield* Effect.repeat(Process.identify(postgres.pid), {
      while: (found) => found._tag === "Some",
      schedule: Schedule.spaced("10 millis").pipe(Schedule.upTo({ duration: "10 seconds" }))
    })
    yield* Scope.close(scope, Exit.void)
    current = yield* start
  })
  yield* withClient(current.postgres.url, (sql) => sql`CREATE DATABASE ${sql(databaseName)}`)
  const server: Server = {
    directory,
    socketFolder,
    socket: () => `${folderOf(current.postgres.url)}/.s.PGSQL.5432`,
    url: () => urlAs(() => undefined),
    urlAt: (port) =>
      urlAs((url) => {
        url.host = `127.0.0.1:${port}`
      }),
    restart: oneAtATime.withPermit(Effect.uninterruptible(restart)),
    revive: oneAtATime.withPermit(
      Effect.uninterruptible(
        Effect.flatMap(Process.identify(current.postgres.pid), (found) =>
          found._tag === "None" ? restart : Effect.void
        )
      )
    )
  }
  yield* withClient(
    server.url(),
    (sql) =>
      sql`CREATE TABLE chaos_effect (entity text NOT NULL, occasion text NOT NULL, attempt integer NOT NULL)`
  )
  return server
})

/** The host of its address is the folder that the socket is in. */
const folderOf = (url: Redacted.Redacted<string>): string =>
  decodeURIComponent(new URL(Redacted.value(url)).hostname)

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
