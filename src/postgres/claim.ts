/**
 * The claim: the dispatch mark. When it answers `Claimed`, the key is taken and on disk, and only then
 * may a byte leave for the provider.
 *
 * A key that is new is inserted. One that is released or, for a resend, in doubt is taken again at the
 * revision that was read: its attempt before moves to `fibric.attempt`. A late copy of an old claim can
 * do neither: rows are kept, and both revision and attempt have moved on.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import type { SqlError, Statement } from "effect/sql"
import * as Recovery from "../domain/Recovery.ts"
import type { Claim, ClaimVerdict, NewAttempt, ResendVerdict } from "../kernel/Ledger.ts"
import { type NextAttempt, nextAttempt, timesSent } from "../kernel/lifecycle/NextAttempt.ts"
import { asked, insertRows, stateOf, verdictAfter } from "./claims.ts"
import { exists, findings, laneBusy, verdictOf } from "./claim-verdict.ts"
import { ahead, inDoubt, inFlight, passable, workerAlive } from "./lane.ts"
import { see, type SeenRow } from "./LedgerRow.ts"

type Sql = PgClient.PgClient
type Fragment = Statement.Fragment
type Answer<Verdict> = Effect.Effect<Verdict | undefined, SqlError.SqlError>

/** Claims, or says why not. */
export const claim = (sql: Sql, claim: Claim): Effect.Effect<ClaimVerdict, SqlError.SqlError> =>
  twice(
    claim.seenAttempt === 0
      ? Effect.flatMap(insertNew(sql, claim), (rows) => verdictOf(rows, claim.passesDoubt))
      : Effect.flatMap(see(sql, claim.key), (row) => {
          const next = nextOf(row, claim, "released")
          if (next === "exhausted") return Effect.succeed(exists)
          return next._tag === "Verdict"
            ? Effect.succeed(next.verdict)
            : Effect.flatMap(takeReleased(sql, claim, next), (rows) => verdictOf(rows, claim.passesDoubt))
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
        : Effect.flatMap(takeDoubtful(sql, attempt, next), (rows) => verdictOf(rows, next.row.passedDoubt))
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
  const once = Effect.catchIf(
    statement,
    ({ reason }) => reason._tag === "UniqueViolation" && laneIndexes.has(reason.constraint),
    () => Effect.undefined
  )
  return Effect.gen(function* () {
    return (yield* once) ?? (yield* once) ?? laneBusy
  })
}

const laneIndexes: ReadonlySet<string> = new Set(["ledger_flight", "ledger_lane", "ledger_lane_held"])

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
 * What must be so when the row is written, each locked until it is: the state that the guard saw, then
 * the program's attempt, then the doubt that is passed. In this one order, and each only if the ones
 * before hold. A doubt that is passed is marked by its revision, so that whoever resolves it at the same
 * time looks again and finds who has passed.
 */
const gates = (sql: Sql, { basis, key, lane, passesDoubt, root }: Claim) => sql`
  gate AS (${
    basis === null
      ? sql`SELECT 1`
      : sql`
        SELECT 1 FROM fibric.entity
        WHERE entity_hash = ${key.entityHash}::bytea AND version = ${basis.version}::int FOR UPDATE`
  }), root AS (${
    root === null
      ? sql`SELECT 1 FROM gate`
      : sql`
        SELECT 1 FROM gate, fibric.ledger AS program
        WHERE program.key_hash = ${root.hash}::bytea AND program.token = ${root.token}::uuid
          AND program.state = 'performing' FOR SHARE OF program`
  }), passed AS (${
    passesDoubt
      ? sql`
        UPDATE fibric.ledger AS holder SET revision = holder.revision + 1 FROM root, live
        WHERE holder.entity_hash = ${lane}::bytea AND holder.key_hash <> ${key.hash}::bytea
          AND ${sql.literal(inDoubt)} AND ${sql.literal(passable)}
        RETURNING 1`
      : sql`SELECT 1 WHERE false`
  })`

/** What a resend is not asked about again. */
const noGates = (sql: Sql) => sql`
  gate AS (SELECT 1), root AS (SELECT 1), passed AS (SELECT 1 WHERE false), ahead AS (SELECT 1 WHERE false)`

/** The worker's place in line is used up by its claim. */
const leaveLine = (sql: Sql, { lane, worker }: NewAttempt) => sql`
  used AS (
    DELETE FROM fibric.ticket USING claimed WHERE ticket.lane = ${lane}::bytea AND ticket.worker = ${worker}::uuid
  )`

const insertNew = (sql: Sql, claim: Claim) => sql<object>`
  WITH ${asked(sql, [claim])}, ${workerAlive(sql, claim.worker)}, ${ahead(sql, claim)}, ${gates(sql, claim)},
  claimed AS (${insertRows(
    sql,
    [claim],
    sql`EXISTS (SELECT 1 FROM passed)`,
    sql`FROM asked, live, root WHERE NOT EXISTS (SELECT 1 FROM ahead)`
  )}),
  ${leaveLine(sql, claim)}
  ${findings(sql, claim)}`

const takeReleased = (sql: Sql, claim: Claim, taking: Taking) =>
  take(
    sql,
    claim,
    taking,
    sql`${ahead(sql, claim)}, ${gates(sql, claim)}`,
    sql`, passed_doubt = EXISTS (SELECT 1 FROM passed), state_of = ${stateOf(claim)}::bytea,
      state_version = ${claim.basis?.version ?? null}::int, state_shape = ${claim.basis?.becomes?.shape ?? null}::int,
      state_json = ${claim.basis?.becomes?.json ?? null}::text, root_hash = ${claim.root?.hash ?? null}::bytea,
      root_token = ${claim.root?.token ?? null}::uuid, entity_hash = ${claim.lane}::bytea,
      operator = ${claim.operator}::text, fingerprint = ${claim.fingerprint}::text,
      paths = ${JSON.stringify(claim.paths)}::text, doubt_holds_lane = ${claim.doubtHoldsLane}::boolean,
      recovery = ${JSON.stringify(claim.recovery)}::text, verdict_after_millis = ${verdictAfter(claim)}::float8,
      recover_after_millis = ${Recovery.recoverAfterMillis(claim.recovery, 0)}::float8, request = ${claim.request}::text`
  )

/**
 * A resend keeps what the key was bound to; only its pauses grow. It does not wait in line: it holds the
 * lane already, or stands beside it.
 */
const takeDoubtful = (sql: Sql, attempt: NewAttempt, taking: Taking) =>
  take(
    sql,
    attempt,
    taking,
    noGates(sql),
    sql`, recover_after_millis = ${Recovery.recoverAfterMillis(taking.row.current.recovery, timesSent(taking.row))}::float8`
  )

const take = (
  sql: Sql,
  attempt: NewAttempt,
  { next, row }: Taking,
  conditions: Fragment,
  binding: Fragment
) => {
  const notAfter = next.notAfterMillis === null ? null : next.notAfterMillis / 1_000
  return sql<object>`
    WITH ${workerAlive(sql, attempt.worker)}, ${conditions},
    taken AS (
      SELECT ledger.* FROM live, root, fibric.ledger AS ledger
      WHERE ledger.key_hash = ${attempt.key.hash}::bytea AND ledger.revision = ${row.revision}::int
        AND COALESCE(clock_timestamp() < to_timestamp(${notAfter}::float8), true)
        AND NOT EXISTS (SELECT 1 FROM ahead)
        AND NOT EXISTS (
          SELECT 1 FROM fibric.ledger AS holder
          WHERE holder.entity_hash = ${attempt.lane}::bytea AND holder.key_hash <> ledger.key_hash AND (
            ${sql.literal(inFlight)} OR (
              ${sql.literal(inDoubt)} AND NOT EXISTS (SELECT 1 FROM passed)
              AND NOT (ledger.state = 'in_doubt' AND ledger.passed_doubt)
            )
          )
        )
      FOR UPDATE OF ledger
    ), archived AS (
      INSERT INTO fibric.attempt (
        key_hash, attempt, generation, token, worker, operator, claimed_at, recovery, evidence, refusal, effect_id,
        fingerprint, paths, state_of, state_version, state_shape, state_json
      )
      SELECT key_hash, attempt, generation, token, worker, operator, COALESCE(claimed_at, since), recovery,
        ${row.current.evidence}::text, refusal, effect_id, fingerprint, paths, state_of, state_version, state_shape,
        state_json
      FROM taken
    ), claimed AS (
      UPDATE fibric.ledger AS ledger SET
        state = 'performing', since = clock_timestamp(), claimed_at = clock_timestamp(), revision = ledger.revision + 1,
        attempt = ${next.attempt}::int, generation = ${next.generation}::int,
        beside_earlier = ${next.besideEarlier}::boolean, token = ${attempt.token}::uuid,
        bound_token = ${attempt.token}::uuid, worker = ${attempt.worker}::uuid,
        doubt_at = clock_timestamp() + ${attempt.doubtAfterMillis}::float8 * interval '1 ms',
        evidence = NULL, refusal = NULL, effect_id = NULL, call_open = false, recover_at = NULL,
        recoveries = 0, check_after = NULL ${binding}
      FROM taken WHERE ledger.key_hash = taken.key_hash
      RETURNING ledger.attempt, ledger.generation
    ), ${leaveLine(sql, attempt)}
    ${findings(sql, attempt)}`
}
