/**
 * pool: connections to the run's Postgres, for the peers that let their pool be given, and for the counting
 * of what they have stored.
 */
import { Pool } from "pg"

/** A pool of so many connections at most. A connection that dies with the server is nobody's error. */
export const open = (url: string, max: number): Pool => {
  const pool = new Pool({ connectionString: url, max, idleTimeoutMillis: 0 })
  pool.on("error", () => undefined)
  return pool
}

/** One number out of the database. */
export const count = async (pool: Pool, sql: string, values: ReadonlyArray<unknown>): Promise<number> => {
  const { rows } = await pool.query<{ count: number }>(sql, [...values])
  return rows[0]?.count ?? 0
}
