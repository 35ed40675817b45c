/**
 * Step 3: receipts say when to look again and what the server did not promise, and the ledger knows
 * which server it was written on.
 *
 * A step of its own, and so a transaction of its own: workers take the tables of keys and of receipts in
 * either order, and whoever held the one and waited for the other would deadlock with them.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { receiptsView } from "./receipts-view.ts"

export const receiptsSayMore = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Whoever reads the view takes it first and the table under it second: so does this.
  yield* sql`LOCK TABLE fibric.receipts IN ACCESS EXCLUSIVE MODE`
  yield* sql`ALTER TABLE fibric.receipt_log ADD COLUMN check_after timestamptz, ADD COLUMN durability text`
  // The runtime's connections carry what they were told to accept; see ServerChecks.
  yield* sql`
    ALTER TABLE fibric.receipt_log
      ALTER COLUMN durability SET DEFAULT NULLIF(current_setting('fibric.durability', true), '')`
  yield* sql`
    ALTER TABLE fibric.ledger_info
      ADD COLUMN system_identifier text,
      ADD COLUMN timeline text`
  // Who said that the ledger may go on on another server, and why.
  yield* sql`
    CREATE TABLE fibric.acknowledgement (
      at timestamptz NOT NULL DEFAULT clock_timestamp(),
      operator text NOT NULL,
      reason text NOT NULL,
      before_system text,
      before_timeline text,
      system text NOT NULL,
      timeline text NOT NULL
    )`
  yield* receiptsView
})
