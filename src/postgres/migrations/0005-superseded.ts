/**
 * Step 5: the view says which outcomes there are now.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { receiptsView } from "./receipts-view.ts"

export const superseded = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Whoever reads the view takes it first and the table under it second: so does this.
  yield* sql`LOCK TABLE fibric.receipts IN ACCESS EXCLUSIVE MODE`
  yield* receiptsView
})
