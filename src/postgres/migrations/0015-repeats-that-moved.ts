/**
 * Step 15: a batch of repeats says which of them it did not write, because the key had moved on.
 *
 * It has to be known for as long as the batch may be run again: a receipt that is not there may as well have
 * been folded since. An expansion: what workers of the version before write has left out nothing.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const repeatsThatMoved = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE fibric.receipt_batch ADD COLUMN moved uuid[]`
})
