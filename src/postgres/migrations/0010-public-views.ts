/**
 * Step 10: what people and other programs may read: receipts with what was folded into them, open
 * doubts, and seals.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { publicViews } from "./public-views.ts"

export const views = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Whoever reads the view takes it first and the table under it second: so does this.
  yield* sql`LOCK TABLE fibric.receipts IN ACCESS EXCLUSIVE MODE`
  yield* publicViews
})
