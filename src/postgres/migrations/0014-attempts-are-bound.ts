/**
 * Step 14: an attempt keeps what it was claimed for.
 *
 * An earlier attempt can settle its key when a later one, for another payload, is under way: then the key is
 * bound to what has happened. An expansion: attempts that were archived before, or are by a worker of the
 * version before, have no fingerprint, and a key that they settle stays bound as it was.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const attemptsAreBound = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    ALTER TABLE fibric.attempt
      ADD COLUMN fingerprint text,
      ADD COLUMN paths text,
      ADD COLUMN state_of bytea,
      ADD COLUMN state_version integer,
      ADD COLUMN state_shape integer,
      ADD COLUMN state_json text`
})
