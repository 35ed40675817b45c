/**
 * Counters: what Postgres has counted of a database: flushes of the log by those who were connected to it,
 * the statements that they ran, and the bytes of log. A connection hands its counts in when it closes.
 */
import { Effect } from "effect"
import type { SqlError } from "effect/sql"
import type { Database, Server } from "./Server.ts"

export interface Counts {
  readonly flushes: number
  readonly statements: number
  readonly walBytes: number
}

/**
 * From here on they count what is done in this database. Without a checkpoint: its pages have just been logged,
 * and would be logged once more as a whole.
 */
export const begin = Effect.fnUntraced(function* ({ sql }: Server, { name }: Database) {
  yield* sql`ALTER DATABASE ${sql(name)} SET pg_stat_statements.track = 'top'`
  yield* sql`SELECT pg_stat_reset_shared('io')`
  yield* sql`SELECT pg_stat_reset_shared('wal')`
  yield* sql`SELECT pg_stat_statements_reset()`
})

/** Once nobody is connected to it any more. */
export const read = ({ sql }: Server, { name }: Database): Effect.Effect<Counts, SqlError.SqlError> =>
  Effect.gen(function* () {
    while (true) {
      const connected = yield* sql`SELECT 1 FROM pg_stat_activity WHERE datname = ${name}::text`
      if (connected.length === 0) break
      yield* Effect.sleep("20 millis")
    }
    const [counts] = yield* sql<Counts>`
      SELECT
        (SELECT COALESCE(sum(fsyncs), 0)::int FROM pg_stat_io WHERE object = 'wal' AND backend_type = 'client backend')
          AS flushes,
        (
          SELECT COALESCE(sum(calls), 0)::int FROM pg_stat_statements
          WHERE dbid = (SELECT oid FROM pg_database WHERE datname = ${name}::text)
        ) AS statements,
        (SELECT wal_bytes::float8 FROM pg_stat_wal) AS "walBytes"`
    return counts ?? { flushes: 0, statements: 0, walBytes: 0 }
  })
