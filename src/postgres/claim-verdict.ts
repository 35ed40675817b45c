/**
 * claim-verdict: what a claim's statement found, and the verdict that it comes to.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { ClaimVerdict, NewAttempt } from "../kernel/Ledger.ts"
import { holderFields, inDoubt, inFlight, obstacleIn, passable } from "./lane.ts"

export const laneBusy: ClaimVerdict = { _tag: "LaneBusy" }
export const exists: ClaimVerdict = { _tag: "Exists" }

/** What is known about the key and its lane, beside what the claim itself did. */
export const findings = (sql: PgClient.PgClient, attempt: NewAttempt) => sql`
  SELECT
    EXISTS (SELECT 1 FROM live) AS worker_alive,
    EXISTS (SELECT 1 FROM gate) AS state_holds,
    EXISTS (SELECT 1 FROM root) AS program_runs,
    EXISTS (SELECT 1 FROM ahead) AS others_ahead,
    COALESCE(claimed.attempt, mine.attempt) AS attempt,
    COALESCE(claimed.generation, mine.generation) AS generation,
    existing.attempt IS DISTINCT FROM NULLIF(${attempt.seenAttempt}::int, 0) AS key_taken,
    holder.key AS holder_key, holder.in_flight AS holder_in_flight, holder.since AS holder_since,
    holder.check_after AS holder_check_after, holder.passable AS holder_passable
  FROM (SELECT ${attempt.key.hash}::bytea AS key_hash) AS wanted
  LEFT JOIN claimed ON true
  LEFT JOIN fibric.ledger AS existing ON existing.key_hash = wanted.key_hash
  LEFT JOIN fibric.ledger AS mine
    ON mine.key_hash = wanted.key_hash AND mine.token = ${attempt.token}::uuid AND mine.state = 'performing'
  LEFT JOIN LATERAL (
    SELECT key, since, check_after, ${sql.literal(inFlight)} AS in_flight, ${sql.literal(passable)} AS passable
    FROM fibric.ledger AS holder
    WHERE holder.entity_hash = ${attempt.lane}::bytea AND holder.key_hash <> wanted.key_hash
      AND (${sql.literal(inFlight)} OR ${sql.literal(inDoubt)})
    ORDER BY in_flight DESC LIMIT 1
  ) AS holder ON true`

/** What a claim's statement found, read in one row. */
const ClaimRow = Schema.Struct({
  worker_alive: Schema.Boolean,
  state_holds: Schema.Boolean,
  program_runs: Schema.Boolean,
  others_ahead: Schema.Boolean,
  attempt: Schema.NullOr(Schema.Int),
  generation: Schema.NullOr(Schema.Int),
  key_taken: Schema.Boolean,
  ...holderFields,
  holder_passable: Schema.NullOr(Schema.Boolean)
})

const decodeRow = Schema.decodeUnknownEffect(Schema.Tuple([ClaimRow]))

/** The verdict; `undefined` where nothing that was found says no: then it is newer than the statement. */
export const verdictOf = (
  rows: ReadonlyArray<unknown>,
  passesDoubt: boolean
): Effect.Effect<ClaimVerdict | undefined> =>
  Effect.map(decodeRow(rows), ([row]) => verdictFrom(row, passesDoubt)).pipe(
    Effect.catchTag("SchemaError", (error) =>
      Effect.die(`Bug: the claim's answer does not fit: ${error.message}`)
    )
  )

const verdictFrom = (row: typeof ClaimRow.Type, passesDoubt: boolean): ClaimVerdict | undefined => {
  if (row.attempt !== null && row.generation !== null) {
    return { _tag: "Claimed", attempt: row.attempt, generation: row.generation }
  }
  if (!row.worker_alive) return { _tag: "WorkerExpired" }
  if (row.key_taken) return exists
  if (!row.state_holds) return { _tag: "StaleGuard" }
  if (!row.program_runs) return { _tag: "RootEnded" }
  const obstacle = obstacleIn(row)
  if (obstacle === undefined) return row.others_ahead ? laneBusy : undefined
  // It came between the look at the lane and the claim: passed at the next try.
  const passes = obstacle._tag === "LaneHeld" && passesDoubt && row.holder_passable === true
  return passes ? undefined : obstacle
}
