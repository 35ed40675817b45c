/**
 * The digest of a receipt, in SQL. Version 1, frozen: what was sealed under it must be found again for
 * ever. A column that comes later belongs to a later version.
 *
 * SHA-256 over the columns as text, each led by its length in bytes, so that no two receipts have the
 * same text. A body stands in it by its own digest, which stays when the body is purged.
 */

const columns = [
  "id::text",
  "transaction::text",
  "(extract(epoch FROM at) * 1000000)::bigint::text",
  "outcome",
  "operator",
  "capability",
  "encode(key_hash, 'hex')",
  "key",
  "entity_type",
  "entity_id",
  "attempt::text",
  "count::text",
  "refers_to::text",
  "duration_millis::text",
  "proof",
  "reason",
  "encode(CASE WHEN body IS NULL THEN body_digest ELSE sha256(convert_to(body, 'UTF8')) END, 'hex')",
  "(extract(epoch FROM check_after) * 1000000)::bigint::text",
  "durability",
  "folded::text",
  "(extract(epoch FROM first_at) * 1000000)::bigint::text",
  "first_transaction::text",
  "first_id::text",
  "folded_by::text"
] as const

const fields = columns.map(
  (column) => `COALESCE(octet_length(convert_to(${column}, 'UTF8')) || ':' || ${column}, '-')`
)

/** The 32 bytes of one receipt, over the columns of `fibric.receipt_log`. */
export const receiptDigest = `sha256(convert_to('fibric/receipt/1' || ${fields.join(" || ")}, 'UTF8'))`

/** The digests of a range of receipts in their order, one after another. */
export const rangeDigests = `COALESCE(string_agg(${receiptDigest}, ''::bytea ORDER BY transaction, id), ''::bytea)`

/** A seal's hash: over the one before, its own number and bounds, and the digests of its range. */
export const sealHash = (parts: {
  readonly previous: string
  readonly number: string
  readonly upTo: string
  readonly rows: string
  readonly receipts: string
  readonly digests: string
}): string =>
  `sha256(convert_to('fibric/seal/1:', 'UTF8') || ${parts.previous} || convert_to(':' || ${parts.number} || ':' || ${parts.upTo} || ':' || ${parts.rows} || ':' || ${parts.receipts} || ':', 'UTF8') || ${parts.digests})`
