/**
 * The claim: the dispatch mark. When it answers `Claimed`, the key is taken and on disk, and only then
 * may a byte leave for the provider.
 *
 * A key that is new is inserted. One that is released or, for a resend, in doubt is taken again at the
 * revision that was read: its attempt before moves to `fibric.attempt`. A late copy of an old claim can
 * do neither: rows are kept, and both revision and attempt have moved on.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import * as Recovery from "../domain/Recovery.ts"
import type { Claim, ClaimVerdict, NewAttempt, ResendVerdict } from "../kernel/Ledger.ts"
import { type NextAttempt, nextAttempt, timesSent } from "../kernel/lifecycle/NextAttempt.ts"
import { see, type SeenRow } from "./LedgerRow.ts"

type Sql = PgClient.PgClient
type Answer<Verdict> = Effect.Effect<Verdict | undefined, SqlError.SqlError>

/** Claims, or says why not. */
export const claim = (sql: Sql, claim: Claim): Effect.Effect<ClaimVerdict, SqlError.SqlError> =>
  twice(
    claim.seenAttempt === 0
      ? Effect.flatMap(insertNew(sql, claim), verdictOf)
      : Effect.flatMap(see(sql, claim.key), (row) => {
          const next = nextOf(row, claim, "released")
          if (next === "exhausted") return Effect.succeed(exists)
          return next._tag === "Verdict"
            ? Effect.succeed(next.verdict)
            : Effect.flatMap(takeReleased(sql, claim, next), verdictOf)
        })
  )

/** Claims a key in doubt for a resend, or says why not. */
export const resend = (sql: Sql, attempt: NewAttempt): Effect.Effect<ResendVerdict, SqlError.SqlError> =>
  twice(
    Effect.flatMap(see(sql, attempt.key), (row): Answer<ResendVerdict> => {
      const next = nextOf(row, attempt, "in_doubt")
      if (next === "exhausted") return Effect.succeed({ _tag: "Exhausted" })
      return next._tag === "Verdict"
        ? Effect.succeed(next.verdict)
        : Effect.flatMap(takeDoubtful(sql, attempt, next), verdictOf)
    })
  )

/**
 * What stood in the way may be newer than the statement's snapshot: another key of the entity, or this
 * very claim, landed by a connection that was lost. That is no verdict, and the identical statement is
 * run once more; what still hides then is in flight.
 */
const twice = <Verdict>(
  statement: Answer<Verdict>
): Effect.Effect<Verdict | ClaimVerdict, SqlError.SqlError> => {
  // Another key of the entity came first, seen by nobody's snapshot but the index's.
  const once = Effect.catchReason(statement, "SqlError", "UniqueViolation", () => Effect.undefined)
  return Effect.gen(function* () {
    return (yield* once) ?? (yield* once) ?? laneBusy
  })
}

const laneBusy: ClaimVerdict = { _tag: "LaneBusy" }
const exists: ClaimVerdict = { _tag: "Exists" }

/** The row to take, and what the attempt on it begins with. */
interface Taking {
  readonly _tag: "Taking"
  readonly row: SeenRow
  readonly next: NextAttempt
}

const nextOf = (
  row: SeenRow | undefined,
  { seenAttempt, token }: NewAttempt,
  from: "released" | "in_doubt"
): Taking | { readonly _tag: "Verdict"; readonly verdict: ClaimVerdict } | "exhausted" => {
  if (row === undefined) return { _tag: "Verdict", verdict: exists }
  const { attempt, generation, token: held } = row.current
  if (row.state === "performing" && held === token) {
    return { _tag: "Verdict", verdict: { _tag: "Claimed", attempt, generation } }
  }
  const next = nextAttempt(row, { seenAttempt, from }, row.nowMillis)
  if (next === "exists") return { _tag: "Verdict", verdict: exists }
  return next === "exhausted" ? next : { _tag: "Taking", row, next }
}

/**
 * The worker must be alive by a margin when the row is written: a fifth of a second for the statement
 * itself. The precise check, on monotonic time, comes right before the call.
 */
const workerAlive = (sql: Sql, { worker }: NewAttempt) => sql`
  live AS (
    SELECT 1 FROM fibric.worker
    WHERE incarnation = ${worker}::uuid AND expires_at > clock_timestamp() + interval '200 ms'
  )`

/** Another key's row that keeps the lane: the predicates of `ledger_lane` and `ledger_flight`. */
const holdsLane = (sql: Sql, { key }: NewAttempt) => sql`
  holder.entity_hash = ${key.entityHash}::bytea AND holder.key_hash <> ${key.hash}::bytea AND (
    holder.state = 'performing' OR (holder.state = 'in_doubt' AND holder.doubt_holds_lane) OR holder.call_open
  )`

/** What is known about the key and its lane, beside what the claim itself did. */
const findings = (sql: Sql, attempt: NewAttempt) => sql`
  SELECT
    EXISTS (SELECT 1 FROM live) AS worker_alive,
    COALESCE(claimed.attempt, mine.attempt) AS attempt,
    COALESCE(claimed.generation, mine.generation) AS generation,
    existing.attempt IS DISTINCT FROM NULLIF(${attempt.seenAttempt}::int, 0) AS key_taken,
    holder.key AS holder_key, holder.in_flight AS holder_in_flight, holder.since AS holder_since,
    holder.check_after AS holder_check_after
  FROM (SELECT ${attempt.key.hash}::bytea AS key_hash) AS wanted
  LEFT JOIN claimed ON true
  LEFT JOIN fibric.ledger AS existing ON existing.key_hash = wanted.key_hash
  LEFT JOIN fibric.ledger AS mine
    ON mine.key_hash = wanted.key_hash AND mine.token = ${attempt.token}::uuid AND mine.state = 'performing'
  LEFT JOIN LATERAL (
    SELECT key, since, check_after, state = 'performing' OR call_open AS in_flight
    FROM fibric.ledger AS holder WHERE ${holdsLane(sql, attempt)}
    ORDER BY in_flight DESC LIMIT 1
  ) AS holder ON true`

const insertNew = (sql: Sql, claim: Claim) => sql<object>`
  WITH ${workerAlive(sql, claim)},
  claimed AS (
    INSERT INTO fibric.ledger (
      key_hash, entity_hash, capability, key, entity_type, entity_id, state, since, claimed_at, attempt, generation,
      token, worker, operator, fingerprint, paths, doubt_holds_lane, doubt_at, recovery, verdict_after_millis,
      recover_after_millis, request
    )
    SELECT
      ${claim.key.hash}::bytea, ${claim.key.entityHash}::bytea, ${claim.key.verb}::text, ${claim.key.label}::text,
      ${claim.key.entity.type}::text, ${claim.key.entity.id}::text, 'performing', clock_timestamp(),
      clock_timestamp(), 1, 0, ${claim.token}::uuid, ${claim.worker}::uuid, ${claim.operator}::text,
      ${claim.fingerprint}::text, ${JSON.stringify(claim.paths)}::text, ${claim.doubtHoldsLane}::boolean,
      clock_timestamp() + ${claim.doubtAfterMillis}::float8 * interval '1 ms',
      ${JSON.stringify(claim.recovery)}::text, ${verdictAfter(claim)}::float8,
      ${Recovery.recoverAfterMillis(claim.recovery, 0)}::float8, ${claim.request}::text
    FROM live
    ON CONFLICT DO NOTHING
    RETURNING attempt, generation
  )
  ${findings(sql, claim)}`

const verdictAfter = ({ deadlineMillis, recovery }: Claim): number =>
  Recovery.verdictAfterMillis(recovery, deadlineMillis)

const takeReleased = (sql: Sql, claim: Claim, taking: Taking) =>
  take(
    sql,
    claim,
    taking,
    sql`, operator = ${claim.operator}::text, fingerprint = ${claim.fingerprint}::text,
      paths = ${JSON.stringify(claim.paths)}::text, doubt_holds_lane = ${claim.doubtHoldsLane}::boolean,
      recovery = ${JSON.stringify(claim.recovery)}::text, verdict_after_millis = ${verdictAfter(claim)}::float8,
      recover_after_millis = ${Recovery.recoverAfterMillis(claim.recovery, 0)}::float8, request = ${claim.request}::text`
  )

/** A resend keeps what the key was bound to; only its pauses grow. */
const takeDoubtful = (sql: Sql, attempt: NewAttempt, taking: Taking) =>
  take(
    sql,
    attempt,
    taking,
    sql`, recover_after_millis = ${Recovery.recoverAfterMillis(taking.row.current.recovery, timesSent(taking.row))}::float8`
  )

const take = (sql: Sql, attempt: NewAttempt, { next, row }: Taking, binding: ReturnType<Sql["literal"]>) => {
  const notAfter = next.notAfterMillis === null ? null : next.notAfterMillis / 1_000
  return sql<object>`
    WITH ${workerAlive(sql, attempt)},
    taken AS (
      SELECT * FROM fibric.ledger
      WHERE key_hash = ${attempt.key.hash}::bytea AND revision = ${row.revision}::int
        AND COALESCE(clock_timestamp() < to_timestamp(${notAfter}::float8), true)
        AND EXISTS (SELECT 1 FROM live)
        AND NOT EXISTS (SELECT 1 FROM fibric.ledger AS holder WHERE ${holdsLane(sql, attempt)})
      FOR UPDATE
    ), archived AS (
      INSERT INTO fibric.attempt (
        key_hash, attempt, generation, token, worker, operator, claimed_at, recovery, evidence, refusal, effect_id
      )
      SELECT key_hash, attempt, generation, token, worker, operator, COALESCE(claimed_at, since), recovery,
        ${row.current.evidence}::text, refusal, effect_id
      FROM taken
    ), claimed AS (
      UPDATE fibric.ledger AS ledger SET
        state = 'performing', since = clock_timestamp(), claimed_at = clock_timestamp(), revision = ledger.revision + 1,
        attempt = ${next.attempt}::int, generation = ${next.generation}::int,
        beside_earlier = ${next.besideEarlier}::boolean, token = ${attempt.token}::uuid,
        worker = ${attempt.worker}::uuid,
        doubt_at = clock_timestamp() + ${attempt.doubtAfterMillis}::float8 * interval '1 ms',
        evidence = NULL, refusal = NULL, effect_id = NULL, call_open = false, recover_at = NULL,
        recoveries = 0, check_after = NULL ${binding}
      FROM taken WHERE ledger.key_hash = taken.key_hash
      RETURNING ledger.attempt, ledger.generation
    )
    ${findings(sql, attempt)}`
}

/** What a claim's statement found, read in one row. */
const ClaimRow = Schema.Struct({
  worker_alive: Schema.Boolean,
  attempt: Schema.NullOr(Schema.Int),
  generation: Schema.NullOr(Schema.Int),
  key_taken: Schema.Boolean,
  holder_key: Schema.NullOr(Schema.String),
  holder_in_flight: Schema.NullOr(Schema.Boolean),
  holder_since: Schema.NullOr(Schema.Date),
  holder_check_after: Schema.NullOr(Schema.Date)
})

const decodeRow = Schema.decodeUnknownEffect(Schema.Tuple([ClaimRow]))

const verdictOf = (rows: ReadonlyArray<unknown>): Effect.Effect<ClaimVerdict | undefined> =>
  Effect.map(decodeRow(rows), ([row]) => verdictFrom(row)).pipe(
    Effect.catchTag("SchemaError", (error) =>
      Effect.die(`Bug: the claim's answer does not fit: ${error.message}`)
    )
  )

const verdictFrom = (row: typeof ClaimRow.Type): ClaimVerdict | undefined => {
  if (row.attempt !== null && row.generation !== null) {
    return { _tag: "Claimed", attempt: row.attempt, generation: row.generation }
  }
  if (!row.worker_alive) return { _tag: "WorkerExpired" }
  return row.key_taken ? exists : laneVerdict(row)
}

const laneVerdict = (row: typeof ClaimRow.Type): ClaimVerdict | undefined => {
  if (row.holder_key === null || row.holder_since === null) return undefined
  if (row.holder_in_flight === true) return laneBusy
  return {
    _tag: "LaneHeld",
    key: row.holder_key,
    since: DateTime.fromDateUnsafe(row.holder_since),
    checkAfter: row.holder_check_after === null ? null : DateTime.fromDateUnsafe(row.holder_check_after)
  }
}
