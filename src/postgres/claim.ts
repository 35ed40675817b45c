/**
 * The claim: the dispatch mark. When it answers `Claimed`, the key is taken and on disk, and only then
 * may a byte leave for the provider.
 *
 * Two statements: a key that is new is inserted; a released one is taken again by compare-and-set on
 * the attempt that the claimer saw. A late copy of an old claim can do neither: rows are kept, and the
 * attempt has moved on.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import type { Claim, ClaimVerdict } from "../kernel/Ledger.ts"

/** What the claim's statement found, read in one row. */
const ClaimRow = Schema.Struct({
  worker_alive: Schema.Boolean,
  attempt: Schema.NullOr(Schema.Int),
  generation: Schema.NullOr(Schema.Int),
  key_free: Schema.Boolean,
  holder_key: Schema.NullOr(Schema.String),
  holder_state: Schema.NullOr(Schema.String),
  holder_since: Schema.NullOr(Schema.Date)
})
type ClaimRow = typeof ClaimRow.Type

/**
 * Claims, or says why not.
 *
 * What stood in the way may be newer than the statement's snapshot: another key of the entity, or this
 * very claim, landed by a connection that was lost. That is no verdict, and the identical statement is
 * run once more; what still hides then is in flight.
 */
export const claim = (
  sql: PgClient.PgClient,
  claim: Claim
): Effect.Effect<ClaimVerdict, SqlError.SqlError> => {
  const once =
    claim.seenAttempt === 0 ? claimOnce(insertNew(sql, claim)) : claimOnce(takeReleased(sql, claim))
  return Effect.gen(function* () {
    return (yield* once) ?? (yield* once) ?? laneBusy
  })
}

const laneBusy: ClaimVerdict = { _tag: "LaneBusy" }

const claimOnce = (
  statement: Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>
): Effect.Effect<ClaimVerdict | undefined, SqlError.SqlError> =>
  Effect.catchReason(
    Effect.flatMap(statement, verdictOf),
    "SqlError",
    "UniqueViolation",
    // Another key of the entity came first, seen by nobody's snapshot but the index's.
    () => Effect.undefined
  )

/**
 * The worker must be alive by a margin when the row is written: a fifth of a second for the statement
 * itself. The precise check, on monotonic time, comes right before the call.
 */
const workerAlive = (sql: PgClient.PgClient, claim: Claim) => sql`
  live AS (
    SELECT 1 FROM fibric.worker
    WHERE incarnation = ${claim.worker}::uuid AND expires_at > clock_timestamp() + interval '200 ms'
  )`

/** Another key's row that keeps the lane: the predicate of the index `ledger_lane`. */
const holdsLane = (sql: PgClient.PgClient, claim: Claim) => sql`
  holder.entity_hash = ${claim.key.entityHash}::bytea AND holder.key_hash <> ${claim.key.hash}::bytea
    AND (holder.state = 'performing' OR (holder.state = 'in_doubt' AND holder.doubt_holds_lane))`

/** What is known about the key and its lane, beside what the claim itself did. */
const findings = (sql: PgClient.PgClient, claim: Claim) => sql`
  SELECT
    EXISTS (SELECT 1 FROM live) AS worker_alive,
    COALESCE(claimed.attempt, mine.attempt) AS attempt,
    COALESCE(claimed.generation, mine.generation) AS generation,
    CASE WHEN existing.key_hash IS NULL THEN ${claim.seenAttempt}::int = 0
      ELSE existing.state = 'released' AND existing.attempt = ${claim.seenAttempt}::int END AS key_free,
    holder.key AS holder_key, holder.state AS holder_state, holder.since AS holder_since
  FROM (SELECT ${claim.key.hash}::bytea AS key_hash) AS wanted
  LEFT JOIN claimed ON true
  LEFT JOIN fibric.ledger AS existing ON existing.key_hash = wanted.key_hash
  LEFT JOIN fibric.ledger AS mine
    ON mine.key_hash = wanted.key_hash AND mine.token = ${claim.token}::uuid AND mine.state = 'performing'
  LEFT JOIN fibric.ledger AS holder ON ${holdsLane(sql, claim)}`

const insertNew = (sql: PgClient.PgClient, claim: Claim) => sql<object>`
  WITH ${workerAlive(sql, claim)},
  claimed AS (
    INSERT INTO fibric.ledger (
      key_hash, entity_hash, capability, key, entity_type, entity_id, state, since, attempt, generation,
      token, worker, operator, fingerprint, paths, doubt_holds_lane, doubt_at
    )
    SELECT
      ${claim.key.hash}::bytea, ${claim.key.entityHash}::bytea, ${claim.key.verb}::text, ${claim.key.label}::text,
      ${claim.key.entity.type}::text, ${claim.key.entity.id}::text, 'performing', clock_timestamp(), 1, 0,
      ${claim.token}::uuid, ${claim.worker}::uuid, ${claim.operator}::text, ${claim.fingerprint}::text,
      ${JSON.stringify(claim.paths)}::text, ${claim.doubtHoldsLane}::boolean,
      clock_timestamp() + ${claim.doubtAfterMillis}::float8 * interval '1 ms'
    FROM live
    ON CONFLICT DO NOTHING
    RETURNING attempt, generation
  )
  ${findings(sql, claim)}`

const takeReleased = (sql: PgClient.PgClient, claim: Claim) => sql<object>`
  WITH ${workerAlive(sql, claim)},
  claimed AS (
    UPDATE fibric.ledger SET
      state = 'performing', since = clock_timestamp(), attempt = attempt + 1, generation = generation + 1,
      token = ${claim.token}::uuid, worker = ${claim.worker}::uuid, operator = ${claim.operator}::text,
      fingerprint = ${claim.fingerprint}::text, paths = ${JSON.stringify(claim.paths)}::text,
      doubt_holds_lane = ${claim.doubtHoldsLane}::boolean,
      doubt_at = clock_timestamp() + ${claim.doubtAfterMillis}::float8 * interval '1 ms'
    WHERE key_hash = ${claim.key.hash}::bytea AND state = 'released' AND attempt = ${claim.seenAttempt}::int
      AND EXISTS (SELECT 1 FROM live)
      AND NOT EXISTS (SELECT 1 FROM fibric.ledger AS holder WHERE ${holdsLane(sql, claim)})
    RETURNING attempt, generation
  )
  ${findings(sql, claim)}`

const decodeRow = Schema.decodeUnknownEffect(Schema.Tuple([ClaimRow]))

const verdictOf = (rows: ReadonlyArray<unknown>): Effect.Effect<ClaimVerdict | undefined> =>
  Effect.map(decodeRow(rows), ([row]) => verdictFrom(row)).pipe(
    Effect.catchTag("SchemaError", (error) =>
      Effect.die(`Bug: the claim's answer does not fit: ${error.message}`)
    )
  )

const verdictFrom = (row: ClaimRow): ClaimVerdict | undefined => {
  if (row.attempt !== null && row.generation !== null) {
    return { _tag: "Claimed", attempt: row.attempt, generation: row.generation }
  }
  if (!row.worker_alive) return { _tag: "WorkerExpired" }
  if (!row.key_free) return { _tag: "Exists" }
  if (row.holder_key === null || row.holder_since === null) return undefined
  return row.holder_state === "in_doubt"
    ? { _tag: "LaneHeld", key: row.holder_key, since: DateTime.fromDateUnsafe(row.holder_since) }
    : laneBusy
}
