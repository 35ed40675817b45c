/**
 * Database: the database of a run, with the world of `transactional` effects, which is a table in it.
 */
import { Effect } from "effect"
import * as Database from "../harness/Database.ts"

/** Where it is, and how many effects the table counts for a subject. */
export const make = Effect.gen(function* () {
  const { sql, url } = yield* Database.make("crash")
  yield* sql`CREATE TABLE crash_effect (subject text NOT NULL)`
  return {
    url,
    effects: (subject: string) =>
      Effect.map(sql`SELECT 1 FROM crash_effect WHERE subject = ${subject}`, (rows) => rows.length)
  }
})
