/**
 * Readable: what has been committed and nothing older is open any more, in whatever database of the server.
 * Seals, purges and streams read no further, and tests beside this one have transactions of their own.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { eventually } from "./asker.ts"

/** Waits until every receipt that is there can be sealed, purged and streamed. */
export const readableOn = (sql: PgClient.PgClient) =>
  eventually(
    Effect.map(
      sql`
        SELECT 1 FROM fibric.receipt_log WHERE transaction >= pg_snapshot_xmin(pg_current_snapshot()) LIMIT 1`,
      (rows) => (rows.length === 0 ? true : undefined)
    )
  )

export const readable = Effect.flatMap(PgClient.PgClient, readableOn)
