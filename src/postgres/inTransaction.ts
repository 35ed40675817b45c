/**
 * inTransaction: several statements that commit together, or not at all.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { SqlError } from "effect/sql"

/** A connection that is lost fails the rollback too, which the driver reports as a defect: here it is an error. */
export const inTransaction = <A, E>(
  sql: PgClient.PgClient,
  statements: Effect.Effect<A, E>
): Effect.Effect<A, E | SqlError.SqlError> =>
  Effect.catchDefect(sql.withTransaction(statements), (defect) =>
    SqlError.isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)
  )
