/**
 * merged-statement: the settlement of one action and the claim of the entity's next one, in one commit. The
 * claim joins the settlement: it is made only if that was.
 */
import type { Value } from "./Client.ts"
import { bytes } from "./notation.ts"
import { type Claim, constantColumns, constants, receiptOf, type Settlement } from "./statements.ts"

export const settleAndClaim = `
  WITH ended AS (
    UPDATE hand.ledger SET state = 'done', since = clock_timestamp(), receipt_id = $3::uuid, body = 'null'
    WHERE key_hash = $1::bytea AND token = $2::uuid AND receipt_id IS NULL
    RETURNING *, $4::int AS duration_millis
  ), written AS (${receiptOf("ended")} RETURNING 1), claimed AS (
    INSERT INTO hand.ledger (key_hash, entity_hash, key, entity_id, fingerprint, token, ${constantColumns})
    SELECT $5::bytea, ended.entity_hash, $6::text, $7::text, $8::text, $9::uuid, ${constants} FROM ended
    ON CONFLICT DO NOTHING
    RETURNING 1
  )
  SELECT (SELECT count(*)::int FROM written) AS settled, (SELECT count(*)::int FROM claimed) AS claimed`

export const settleAndClaimValues = (one: Settlement, next: Claim): ReadonlyArray<Value> => [
  bytes(one.request.keyHash),
  one.token,
  one.receiptId,
  one.durationMillis,
  bytes(next.request.keyHash),
  next.request.label,
  next.request.entityId,
  next.request.fingerprint,
  next.token
]
