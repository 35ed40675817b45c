/**
 * Migration: bringing the schema up to date while others work on it.
 *
 * Each step is an expansion that the version before can live with, and commits by itself, so that no
 * step holds two of the tables that workers use: they take them in either order, and one of them would
 * pay for the deadlock. A step waits for a table a moment at a time and gives way in between, because
 * everybody who comes later waits behind it.
 *
 *     read the version ──► newer? refuse ──► older? one step after another ──► indexes, beside the workers
 *
 * Several processes may start at once: one of them makes a step, the others find it made.
 */
import { Effect, Schedule } from "effect"
import { Migrator, SqlClient, SqlError } from "effect/sql"
import { StartRefused } from "../domain/errors.ts"
import { knownVersion, migrations } from "./migrations/index.ts"
import { makeIndexes } from "./OnlineIndexes.ts"
import { Patience } from "./Patience.ts"
import { detailOf, isCatalogRace, refusalOf } from "./Refusal.ts"

const migrationsTable = "fibric.migrations"

/**
 * Brings the schema to the version that this fibric knows, indexes included, or refuses to start. What
 * is up to date is only read, so a role without the right to create can work on what its owner has
 * migrated. At the bound of the waiting (some two minutes) it refuses, and every step that was made
 * stays.
 */
export const bringUpToDate = Effect.fnUntraced(function* (target: string) {
  const { pauseMillis, tries } = yield* Patience
  const version = yield* stepsMade.pipe(
    Effect.retry({ while: isPassing, schedule: Schedule.spaced(pauseMillis), times: tries - 1 }),
    Effect.mapError((error) => refusedBy(error, target, tries))
  )
  if (version > knownVersion) {
    return yield* new StartRefused({
      problem: "newer_schema",
      sentence: `The schema "fibric" in ${target} is at version ${version}, and this fibric knows ${knownVersion}. Nothing was performed; start a newer fibric here, or point this one at another database.`
    })
  }
  yield* makeIndexes(target)
})

/** Makes the steps that are missing; the version that is there then. */
const stepsMade = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const found = yield* schemaVersion
  if (found >= knownVersion) return found
  // Two processes that create the schema at the same instant collide once; the second then finds it.
  yield* Effect.retry(sql`CREATE SCHEMA IF NOT EXISTS fibric`, Schedule.recurs(3))
  for (const upTo of steps.slice(found)) {
    yield* Migrator.make({})({ loader: Migrator.fromRecord(upTo), table: migrationsTable })
  }
  return yield* schemaVersion
})

type Steps = Parameters<typeof Migrator.fromRecord>[0]

/** For each step, all steps up to it: the migrator makes everything that it is given in one transaction. */
const steps: ReadonlyArray<Steps> = Object.keys(migrations).map((_, index, names) =>
  Object.fromEntries(Object.entries(migrations).filter(([name]) => names.indexOf(name) <= index))
)

/** The newest migration that has landed; 0 where there is none. */
export const schemaVersion = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [table] = yield* sql<{ exists: boolean }>`
    SELECT to_regclass(${migrationsTable}) IS NOT NULL AS exists`
  if (table?.exists !== true) return 0
  const [newest] = yield* sql<{
    version: number | null
  }>`SELECT max(migration_id) AS version FROM fibric.migrations`
  return newest?.version ?? 0
})

type Failure = SqlError.SqlError | Migrator.MigrationError

/** What Postgres said no to; a step's own failure keeps it as its cause. */
const reasonOf = (error: Failure): SqlError.SqlErrorReason | undefined => {
  const cause = error._tag === "SqlError" ? error : error.cause
  return cause instanceof SqlError.SqlError ? cause.reason : undefined
}

/** Somebody else has a table just now. */
const isPassing = (error: Failure): boolean => {
  const reason = reasonOf(error)
  if (reason === undefined) return false
  return reason._tag === "LockTimeoutError" || reason._tag === "DeadlockError" || isCatalogRace(reason)
}

const refusedBy = (error: Failure, target: string, tries: number): StartRefused => {
  const reason = reasonOf(error)
  const detail = reason === undefined ? (error._tag === "SqlError" ? "" : error.kind) : detailOf(reason)
  if (isPassing(error)) {
    return new StartRefused({
      problem: "schema_locked",
      sentence: `The schema "fibric" in ${target} could not be brought up to date: somebody has held its tables through ${tries} tries (${detail}). Nothing was performed; end the transaction that holds them (pg_locks names it), then start again.`
    })
  }
  if (error._tag === "SqlError") return refusalOf(error, target)
  return new StartRefused({
    problem: "migration_failed",
    sentence: `The schema "fibric" in ${target} could not be brought up to date: ${error.message} (${detail}). Nothing was performed; give the role the right to create in that schema, or look at the database's log.`
  })
}
