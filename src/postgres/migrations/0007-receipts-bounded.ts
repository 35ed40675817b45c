/**
 * Step 7: every receipt that is there is looked at once, while others write, so that the next step need
 * not look.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const receiptsBounded = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE fibric.receipt_log_default VALIDATE CONSTRAINT receipt_log_first_bound`
})
