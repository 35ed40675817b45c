/**
 * claims: the rows of new keys, of as many as are claimed together, and the claim of many in one commit.
 *
 * Rows are written in one order, by lane and key, so that two batches with the same lanes wait for each
 * other and never in a circle. What can't be claimed with the others is claimed alone, and hears why.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import type { SqlError, Statement } from "effect/sql"
import * as Recovery from "../domain/Recovery.ts"
import type { Claim, ClaimVerdict } from "../kernel/Ledger.ts"
import { flags, floats, hashes, ints, texts, uuids } from "./arrays.ts"
import { isAlive } from "./lane.ts"

type Sql = PgClient.PgClient
type Fragment = Statement.Fragment

/** The entity whose state the action changes. */
export const stateOf = ({ basis, key }: Claim): Uint8Array | null =>
  basis === null || basis.becomes === null ? null : key.entityHash

/** When a person may decide a doubt about it at the earliest, in milliseconds after the claim. */
export const verdictAfter = ({ deadlineMillis, recovery }: Claim): number =>
  Recovery.verdictAfterMillis(recovery, deadlineMillis)

/**
 * A part of a statement that it has only where a state or a program decides about one of its claims. Most
 * batches have no such claim, and a column of nothing is not free: each value of it is sent and read.
 */
const ifDecided = (sql: Sql, claims: ReadonlyArray<Claim>, part: () => Fragment): Fragment =>
  claims.some(({ basis, root }) => basis !== null || root !== null) ? part() : sql.literal("")

/** What a state or a program decides about claims: their values, and the names of these. */
const decided = (sql: Sql, claims: ReadonlyArray<Claim>): Fragment => sql`,
      ${hashes(claims.map(stateOf))}, ${ints(claims.map(({ basis }) => basis?.version ?? null))},
      ${ints(claims.map(({ basis }) => basis?.becomes?.shape ?? null))},
      ${texts(claims.map(({ basis }) => basis?.becomes?.json ?? null))},
      ${hashes(claims.map(({ root }) => root?.hash ?? null))}, ${uuids(claims.map(({ root }) => root?.token ?? null))},
      ${hashes(claims.map(({ basis, key }) => (basis === null ? null : key.entityHash)))}`
const decidedNames = ", state_of, state_version, state_shape, state_json, root_hash, root_token"

/** The claims as a relation `asked`, a row each. */
export const asked = (sql: Sql, claims: ReadonlyArray<Claim>): Fragment => sql`
  asked AS (
    SELECT * FROM unnest(
      ${hashes(claims.map(({ key }) => key.hash))}, ${hashes(claims.map(({ lane }) => lane))},
      ${texts(claims.map(({ key }) => key.verb))}, ${texts(claims.map(({ key }) => key.label))},
      ${texts(claims.map(({ key }) => key.entity.type))}, ${texts(claims.map(({ key }) => key.entity.id))},
      ${uuids(claims.map(({ token }) => token))}, ${uuids(claims.map(({ worker }) => worker))},
      ${texts(claims.map(({ operator }) => operator))}, ${texts(claims.map(({ fingerprint }) => fingerprint))},
      ${texts(claims.map(({ paths }) => JSON.stringify(paths)))},
      ${flags(claims.map(({ doubtHoldsLane }) => doubtHoldsLane))},
      ${floats(claims.map(({ doubtAfterMillis }) => doubtAfterMillis))},
      ${texts(claims.map(({ recovery }) => JSON.stringify(recovery)))}, ${floats(claims.map(verdictAfter))},
      ${floats(claims.map(({ recovery }) => Recovery.recoverAfterMillis(recovery, 0)))},
      ${texts(claims.map(({ request }) => request))} ${ifDecided(sql, claims, () => decided(sql, claims))}
    ) AS asked (
      key_hash, lane, capability, key, entity_type, entity_id, token, worker, operator, fingerprint, paths,
      doubt_holds_lane, doubt_after_millis, recovery, verdict_after_millis, recover_after_millis, request
      ${ifDecided(sql, claims, () => sql.literal(`${decidedNames}, decided_on`))}
    )
  )`

/** Writes the claims' rows of `asked`; `from` says which, and under which conditions. */
export const insertRows = (
  sql: Sql,
  claims: ReadonlyArray<Claim>,
  passedDoubt: Fragment,
  from: Fragment
): Fragment => sql`
  INSERT INTO fibric.ledger (
    key_hash, entity_hash, capability, key, entity_type, entity_id, state, since, claimed_at, attempt, generation,
    token, bound_token, worker, operator, fingerprint, paths, doubt_holds_lane, doubt_at, recovery,
    verdict_after_millis, recover_after_millis, request, passed_doubt
    ${ifDecided(sql, claims, () => sql.literal(decidedNames))}
  )
  SELECT
    asked.key_hash, asked.lane, asked.capability, asked.key, asked.entity_type, asked.entity_id, 'performing',
    clock_timestamp(), clock_timestamp(), 1, 0, asked.token, asked.token, asked.worker, asked.operator,
    asked.fingerprint, asked.paths, asked.doubt_holds_lane,
    clock_timestamp() + asked.doubt_after_millis * interval '1 ms', asked.recovery, asked.verdict_after_millis,
    asked.recover_after_millis, asked.request, ${passedDoubt}
    ${ifDecided(sql, claims, () => sql.literal(decidedNames.replaceAll(", ", ", asked.")))}
  ${from}
  ON CONFLICT DO NOTHING
  RETURNING entity_hash, token, attempt, generation`

/**
 * Claims keys that nobody has claimed, of no program, in one commit: those that nothing stands in the way
 * of. The others are told `undefined`; where workers stand in line for a lane, its claims are among these.
 */
export const claimAll = (
  sql: Sql,
  claims: ReadonlyArray<Claim>
): Effect.Effect<ReadonlyArray<ClaimVerdict | undefined>, SqlError.SqlError> =>
  Effect.map(
    sql<{ readonly token: string }>`
      WITH ${asked(sql, claims)} ${ifDecided(sql, claims, () => gate(sql, claims))}
      ${insertRows(
        sql,
        claims,
        sql`false`,
        sql`FROM asked JOIN fibric.worker AS live ON live.incarnation = asked.worker
          WHERE ${sql.literal(isAlive)} ${ifDecided(sql, claims, () => sql.literal(stateHolds))}
            AND NOT EXISTS (SELECT 1 FROM fibric.ticket WHERE ticket.lane = asked.lane)
          ORDER BY asked.lane, asked.key_hash`
      )}`,
    (rows) => {
      const claimed = new Set(rows.map(({ token }) => token))
      return claims.map(({ token }) => (claimed.has(token) ? first : undefined))
    }
  )

/** The states that claims were decided on, locked as they were seen. */
const gate = (sql: Sql, claims: ReadonlyArray<Claim>): Fragment => sql`
  , gate AS (
    SELECT entity.entity_hash, entity.version FROM asked
    JOIN fibric.entity AS entity ON entity.entity_hash = asked.decided_on AND entity.version = asked.state_version
    WHERE entity.entity_hash = ANY(${hashes(decidedOn(claims))})
    ORDER BY entity.entity_hash FOR UPDATE OF entity
  )`
const stateHolds = `AND (asked.decided_on IS NULL
  OR (asked.decided_on, asked.state_version) IN (SELECT entity_hash, version FROM gate))`

const first: ClaimVerdict = { _tag: "Claimed", attempt: 1, generation: 0 }

const decidedOn = (claims: ReadonlyArray<Claim>): ReadonlyArray<Uint8Array> =>
  claims.filter(({ basis }) => basis !== null).map(({ key }) => key.entityHash)
