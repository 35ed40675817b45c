/**
 * statements: the SQL of the baselines. A batch is one statement and one commit.
 *
 * A settlement asks for `receipt_id IS NULL`, and not for the state: the planner would read the index of what
 * is in flight from end to end, with every entry in it that is dead (measured: twice to six times slower).
 */
import type { Request } from "./derive.ts"
import type { Value } from "./Client.ts"
import { bytes, hashes, list, texts } from "./notation.ts"

/** Who writes: the worker and its operator are the same all the time. */
const worker = "6f2d3c54-6a0a-4a3f-9c55-0d0d1c1b1a19"
export const constants = `'touch', 'thing', 'performing', clock_timestamp(), 1, '${worker}'::uuid, 'bench', '{"_tag":"Hold","quarantineMillis":60000}',
    clock_timestamp() + interval '30 seconds'`
export const constantColumns =
  "capability, entity_type, state, since, attempt, worker, operator, recovery, doubt_at"

/** A claim's own values. */
export interface Claim {
  readonly request: Request
  readonly token: string
}

export interface Settlement extends Claim {
  readonly receiptId: string
  readonly durationMillis: number
}

export const claimOne = `
  INSERT INTO hand.ledger (key_hash, entity_hash, key, entity_id, fingerprint, token, ${constantColumns})
  VALUES ($1::bytea, $2::bytea, $3::text, $4::text, $5::text, $6::uuid, ${constants})
  ON CONFLICT DO NOTHING
  RETURNING 1 AS claimed`

export const claimOneValues = ({ request, token }: Claim): ReadonlyArray<Value> => [
  bytes(request.keyHash),
  bytes(request.entityHash),
  request.label,
  request.entityId,
  request.fingerprint,
  token
]

/** Answers how many were claimed. */
export const claimMany = `
  WITH claimed AS (
    INSERT INTO hand.ledger (key_hash, entity_hash, key, entity_id, fingerprint, token, ${constantColumns})
    SELECT key_hash, entity_hash, key, entity_id, fingerprint, token, ${constants}
    FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::uuid[])
      AS batch (key_hash, entity_hash, key, entity_id, fingerprint, token)
    ON CONFLICT DO NOTHING
    RETURNING 1
  )
  SELECT count(*)::int AS claimed FROM claimed`

export const claimManyValues = (claims: ReadonlyArray<Claim>): ReadonlyArray<Value> => [
  hashes(claims.map(({ request }) => request.keyHash)),
  hashes(claims.map(({ request }) => request.entityHash)),
  texts(claims.map(({ request }) => request.label)),
  texts(claims.map(({ request }) => request.entityId)),
  texts(claims.map(({ request }) => request.fingerprint)),
  list(claims.map(({ token }) => token))
]

/** Which of these tokens hold a key: where not all of a batch were claimed. */
export const heldBy = `SELECT token::text AS token FROM hand.ledger WHERE key_hash = ANY($1::bytea[])`

export const heldByValues = (claims: ReadonlyArray<Claim>): ReadonlyArray<Value> => [
  hashes(claims.map(({ request }) => request.keyHash))
]

export const receiptOf = (from: string) => `
  INSERT INTO hand.receipt_log (
    id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, duration_millis, body
  )
  SELECT receipt_id, 'performed', operator, capability, key_hash, key, entity_type, entity_id, attempt, 1,
    duration_millis, body
  FROM ${from}`

export const settleOne = `
  WITH ended AS (
    UPDATE hand.ledger SET state = 'done', since = clock_timestamp(), receipt_id = $3::uuid, body = 'null'
    WHERE key_hash = $1::bytea AND token = $2::uuid AND receipt_id IS NULL
    RETURNING *, $4::int AS duration_millis
  )
  ${receiptOf("ended")}
  RETURNING 1 AS settled`

export const settleOneValues = (one: Settlement): ReadonlyArray<Value> => [
  bytes(one.request.keyHash),
  one.token,
  one.receiptId,
  one.durationMillis
]

/** Answers how many were settled. */
export const settleMany = `
  WITH ended AS (
    UPDATE hand.ledger AS ledger
    SET state = 'done', since = clock_timestamp(), receipt_id = batch.receipt_id, body = 'null'
    FROM unnest($1::bytea[], $2::uuid[], $3::uuid[], $4::int[])
      AS batch (key_hash, token, receipt_id, duration_millis)
    WHERE ledger.key_hash = batch.key_hash AND ledger.token = batch.token AND ledger.receipt_id IS NULL
    RETURNING ledger.*, batch.duration_millis
  ), written AS (${receiptOf("ended")} RETURNING 1)
  SELECT count(*)::int AS settled FROM written`

export const settleManyValues = (settlements: ReadonlyArray<Settlement>): ReadonlyArray<Value> => [
  hashes(settlements.map(({ request }) => request.keyHash)),
  list(settlements.map(({ token }) => token)),
  list(settlements.map(({ receiptId }) => receiptId)),
  list(settlements.map(({ durationMillis }) => `${durationMillis}`))
]
