/**
 * OnlineIndexes: the indexes that are made while workers write, each until it is there and valid.
 *
 * `CREATE INDEX CONCURRENTLY` stops nobody, but it is no transaction: cut off in the middle it leaves an
 * invalid index behind, which guards nothing and has to go. The catalog owns the truth, and what it says
 * decides what is done next:
 *
 *     valid ──► done            somebody builds on that table ──► wait, look again
 *     absent ──► create         invalid, and nobody builds ──► drop, look again
 *
 * Two that collide find each other's work at the next look, and nobody drops what has become valid since
 * he looked: somebody may have started on it. fibric starts only when all are valid, because that an
 * entity has one action in flight is one of these indexes.
 */
import { Effect, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { StartRefused } from "../domain/errors.ts"
import { onlineIndexes, replacedIndexes } from "./migrations/index.ts"
import { Patience } from "./Patience.ts"
import { codeOf, detailOf, isCatalogRace, refusalOf } from "./Refusal.ts"

/** The pause between two looks while somebody else builds. */
const pauseMillis = 250

/** Makes what is missing or broken, or refuses to start. Where all are valid it is one look. */
export const makeIndexes = Effect.fnUntraced(
  function* (target: string) {
    const patience = yield* Patience
    let waits = 0
    let collisions = 0
    while (collisions <= patience.collisions) {
      const open = (yield* look(target)).find(({ found }) => found !== "valid")
      if (open === undefined) return yield* dropReplaced(target)
      if (open.busy) {
        if (waits === 0)
          yield* Effect.logInfo(`Waiting for the index ${open.name}, which somebody is making.`)
        waits += 1
      } else {
        if ((yield* act(open, target)) === "done") continue
        collisions += 1
      }
      yield* Effect.sleep(pauseMillis)
    }
    return yield* late(target)
  },
  (made, target) =>
    Effect.flatMap(Patience, ({ indexMillis }) =>
      Effect.timeoutOrElse(made, { duration: indexMillis, orElse: () => late(target) })
    )
)

const Look = Schema.Struct({
  name: Schema.String,
  found: Schema.Literals(["valid", "invalid", "absent"]),
  /** The table that it is on, where it is there. */
  table: Schema.NullOr(Schema.String),
  /** Somebody builds an index on one of the ledger's tables: to ask for another meanwhile is to deadlock. */
  busy: Schema.Boolean
})
type Look = typeof Look.Type

const decodeLooks = Schema.decodeUnknownEffect(Schema.Array(Look))

/** What the catalog says. Of another role's build it hides the table: that counts as one of ours. */
const look = Effect.fnUntraced(function* (target: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    SELECT wanted.name,
      CASE WHEN index.indexrelid IS NULL THEN 'absent'
        WHEN index.indisvalid AND index.indisready AND index.indislive THEN 'valid' ELSE 'invalid' END AS found,
      (SELECT relname FROM pg_class WHERE oid = index.indrelid) AS "table",
      EXISTS (
        SELECT 1 FROM pg_stat_progress_create_index AS build
        LEFT JOIN pg_class AS built ON built.oid = build.relid
        WHERE build.datname = current_database()
          AND (build.relid IS NULL OR built.relnamespace = to_regnamespace('fibric'))
      ) AS busy
    FROM unnest(${Object.keys(onlineIndexes)}::text[]) WITH ORDINALITY AS wanted (name, number)
    LEFT JOIN pg_class AS class
      ON class.relname = wanted.name AND class.relnamespace = to_regnamespace('fibric')
    LEFT JOIN pg_index AS index ON index.indexrelid = class.oid
    ORDER BY wanted.number`.pipe(Effect.mapError((error) => refusalOf(error, target)))
  return yield* Effect.orDie(decodeLooks(rows))
})

/** The one thing to do about an index; `collided` where somebody else was there first. */
const act = Effect.fnUntraced(
  function* ({ found, name, table }: Look, _target: string) {
    const sql = yield* SqlClient.SqlClient
    if (found === "invalid" && table !== null) {
      yield* Effect.logInfo(`The index ${name} was left unfinished; it is made anew.`)
      yield* dropUnfinished(name, table)
      return "done" as const
    }
    // A wait for old transactions to end holds nobody up, and cut off it leaves an invalid index.
    yield* sql`SET lock_timeout = 0`
    yield* sql`${sql.literal(onlineIndexes[name] ?? "")}`.unprepared
    return "done" as const
  },
  (acted, { name }, target) =>
    Effect.catch(acted, (error) =>
      hasCollided(error, name)
        ? Effect.succeed("collided" as const)
        : Effect.fail(refusedBy(error, name, target))
    )
)

/**
 * Drops what the valid ones have replaced: an index that is left would still say no to what they allow.
 * Where none is there it is one look.
 */
const dropReplaced = Effect.fnUntraced(function* (target: string) {
  const sql = yield* SqlClient.SqlClient
  const left = yield* sql<{ readonly name: string }>`
    SELECT relname AS name FROM pg_class
    WHERE relnamespace = to_regnamespace('fibric') AND relname = ANY(${[...replacedIndexes]}::text[])`.pipe(
    Effect.mapError((error) => refusalOf(error, target))
  )
  for (const { name } of left) {
    yield* sql`SET lock_timeout = 0`.pipe(
      Effect.andThen(sql`DROP INDEX CONCURRENTLY IF EXISTS ${sql(`fibric.${name}`)}`.unprepared),
      // Two that drop it at once: it is gone all the same.
      Effect.catchIf(
        (error) => hasCollided(error, name),
        () => Effect.void
      ),
      Effect.mapError((error) => refusedBy(error, name, target))
    )
  }
})

/** Under the lock that every builder takes, so that what is seen to be unfinished stays so until it is gone. */
const dropUnfinished = Effect.fnUntraced(function* (name: string, table: string) {
  const sql = yield* SqlClient.SqlClient
  const index = `fibric.${name}`
  const drop = Effect.gen(function* () {
    // Dropping waits for those who use the table, and everybody else waits behind it: never for long.
    yield* sql`SET LOCAL lock_timeout = '2s'`
    yield* sql`LOCK TABLE ${sql(`fibric.${table}`)} IN SHARE UPDATE EXCLUSIVE MODE`
    const unfinished = yield* sql`
      SELECT 1 FROM pg_index
      WHERE indexrelid = to_regclass(${index}) AND NOT (indisvalid AND indisready AND indislive)`
    if (unfinished.length > 0) yield* sql`DROP INDEX ${sql(index)}`
  })
  yield* sql.withTransaction(drop)
})

/** It is there already, it has gone already, or another builder and this one waited for each other. */
const collisions: ReadonlySet<string> = new Set(["42P07", "42704", "40P01", "55P03"])

const hasCollided = ({ reason }: SqlError.SqlError, name: string): boolean =>
  reason._tag === "UniqueViolation"
    ? reason.constraint !== name
    : collisions.has(codeOf(reason) ?? "") || isCatalogRace(reason)

const refusedBy = (error: SqlError.SqlError, name: string, target: string): StartRefused => {
  const { reason } = error
  if (reason._tag === "AuthorizationError") {
    return notReady(
      `The index "${name}" in ${target} is missing or unfinished, and this role may not make it (${detailOf(reason)}). The ledger can't do without it, and nothing was performed; start fibric once as the owner of the schema "fibric".`
    )
  }
  if (reason._tag === "UniqueViolation") {
    return notReady(
      `The index "${name}" in ${target} can't be made, because rows that are there contradict it (${detailOf(reason)}): the ledger was changed by something else than fibric. Nothing was performed; mend those rows, then start again.`
    )
  }
  return refusalOf(error, target)
}

const notReady = (sentence: string): StartRefused =>
  new StartRefused({ problem: "index_not_ready", sentence })

const late = (target: string) =>
  Effect.fail(
    notReady(
      `The indexes of the schema "fibric" in ${target} were not ready in time: others were making them, or open transactions stood in the way. Nothing was performed; see pg_stat_progress_create_index and pg_stat_activity, then start again.`
    )
  )
