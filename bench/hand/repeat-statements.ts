/**
 * repeat-statements: the SQL of the baselines for what was asked before. A repeat leaves a receipt that names
 * the first one.
 */
import type { Value } from "./Client.ts"
import type { Request } from "./derive.ts"
import { bytes, hashes, list, texts } from "./notation.ts"

export type Outcome = "deduplicated" | "joined"

/** Repeats of one key: one receipt for all of them. */
export interface Repeats {
  readonly request: Request
  readonly outcome: Outcome
  readonly count: number
  readonly refersTo: string
  readonly receiptId: string
}

const columns =
  "id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count, refers_to"

/** Looks a key up and writes the receipt of the repeat; no row where it is not settled. */
export const repeatOne = `
  INSERT INTO hand.receipt_log (${columns})
  SELECT $2::uuid, $4::text, operator, capability, key_hash, key, entity_type, entity_id, attempt, 1, receipt_id
  FROM hand.ledger WHERE key_hash = $1::bytea AND state = 'done' AND fingerprint = $3::text
  RETURNING refers_to::text AS answer`

export const repeatOneValues = (
  one: Pick<Repeats, "request" | "outcome" | "receiptId">
): ReadonlyArray<Value> => [bytes(one.request.keyHash), one.receiptId, one.request.fingerprint, one.outcome]

/** The receipts of repeats whose keys are known to be settled. */
export const recordMany = `
  INSERT INTO hand.receipt_log (${columns})
  SELECT id, outcome, 'bench', 'touch', key_hash, key, 'thing', entity_id, 1, count, refers_to
  FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::int[], $7::uuid[])
    AS batch (id, outcome, key_hash, key, entity_id, count, refers_to)`

export const recordManyValues = (repeats: ReadonlyArray<Repeats>): ReadonlyArray<Value> => [
  list(repeats.map(({ receiptId }) => receiptId)),
  list(repeats.map(({ outcome }) => outcome)),
  hashes(repeats.map(({ request }) => request.keyHash)),
  texts(repeats.map(({ request }) => request.label)),
  texts(repeats.map(({ request }) => request.entityId)),
  list(repeats.map(({ count }) => `${count}`)),
  list(repeats.map(({ refersTo }) => refersTo))
]

/** Keys by their hashes. */
export const findMany = `
  SELECT encode(key_hash, 'hex') AS key_hash, state, fingerprint, receipt_id::text AS receipt_id, body
  FROM hand.ledger WHERE key_hash = ANY($1::bytea[])`

export const findManyValues = (requests: ReadonlyArray<Request>): ReadonlyArray<Value> => [
  hashes(requests.map(({ keyHash }) => keyHash))
]
