/**
 * Place: what a run's subjects stand on. One Postgres of the run's own, with fsync, and in it a database for
 * each subject; a folder for each; Restate's server while it is Restate's turn. All of it ends with the scope.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { PgClient } from "@effect/sql-pg"
import { Effect, FileSystem, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import * as EmbeddedPostgres from "../../src/host/EmbeddedPostgres.ts"
import type { Peer } from "./peers.ts"
import * as RestateServer from "./RestateServer.ts"

export interface Ground {
  readonly url: Redacted.Redacted<string>
  readonly folder: string
  readonly servers: Readonly<Record<string, string>>
}

const databaseName = ({ name }: Peer, purpose: string) => `${name}_${purpose}`.replaceAll("-", "_")

/** Starts Postgres, as its makers set it but for the number of connections that the peers together may hold. */
export const make = Effect.gen(function* () {
  const server = yield* EmbeddedPostgres.make({ settings: { max_connections: "200" } })
  const sql = yield* Effect.provide(PgClient.make({ url: server.url, maxConnections: 1 }), Reactivity.layer)
  const { makeTempDirectoryScoped } = yield* Effect.provide(FileSystem.FileSystem, NodeFileSystem.layer)

  /** A subject's ground for a purpose, new and empty, for as long as the scope lives. */
  const ground = Effect.fnUntraced(function* (peer: Peer, purpose: string) {
    const name = databaseName(peer, purpose)
    yield* Effect.acquireRelease(sql`CREATE DATABASE ${sql(name)}`, () =>
      Effect.ignore(sql`DROP DATABASE ${sql(name)} WITH (FORCE)`)
    )
    const url = Object.assign(new URL(Redacted.value(server.url)), { pathname: `/${name}` }).toString()
    const folder = yield* makeTempDirectoryScoped({ prefix: `fibric-peers-${peer.name}-` })
    const servers = peer.onRestate ? yield* RestateServer.start(folder) : {}
    return { url: Redacted.make(url), folder, servers } satisfies Ground
  })

  return { ground }
})
