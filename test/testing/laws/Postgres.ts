/**
 * Postgres: a real one for subjects whose capability is transactional, a database for all of their trials.
 *
 * Each trial has a schema of its own, and its sessions have its name. The truth is read over connections that
 * nothing is done to.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import type { Address } from "fibric/testing/laws"
import * as Database from "../../../scripts/harness/Database.ts"

/** Where the server is, as the laws' proxies reach it. */
const targetOf = ({ hostname, port }: URL): { readonly path: string } | { readonly port: number } => {
  const host = decodeURIComponent(hostname)
  if (host.startsWith("/")) return { path: `${host}/.s.PGSQL.${port || 5432}` }
  if (host !== "localhost" && host !== "127.0.0.1") throw new Error(`no proxy reaches ${host} from here`)
  return { port: Number(port || 5432) }
}

/** A database for one subject, for as long as the scope lives. */
export const make = Effect.gen(function* () {
  const { url } = yield* Database.make("laws")
  const where = new URL(Redacted.value(url))
  const target = targetOf(where)
  const password = decodeURIComponent(where.password)
  const connect = (config: PgClient.PgPoolConfig) => Effect.provide(PgClient.make(config), Reactivity.layer)
  const sql = yield* connect({ url, maxConnections: 8 })
  let trials = 0
  return {
    sql,
    // A password that is a word is told everywhere.
    secrets: password.length < 12 ? [] : [password],
    /** A server as a trial sees it: what is told of it is what stands in its schema. */
    trial: Effect.sync(() => ({ ...target, schema: `trial_${++trials}` })),
    /** Waits until no session of the trial has anything to do: then all that has reached it is dealt with. */
    settled: (schema: string) =>
      Effect.repeat(
        sql`SELECT 1 FROM pg_stat_activity WHERE application_name = ${schema} AND state = 'active'`,
        { until: (rows) => rows.length === 0 }
      ),
    /** A client of the trial's, by another way. */
    client: ({ host, port }: Address, schema: string) =>
      connect({
        host,
        port,
        username: decodeURIComponent(where.username),
        password: Redacted.make(password),
        database: where.pathname.slice(1),
        applicationName: schema,
        maxConnections: 2
      })
  }
})

export type Postgres = Effect.Success<typeof make>
