/**
 * The public views, with what each column means. The same texts document them in the database. A newer
 * step may add columns at the end; none is taken away.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { receiptColumns as before } from "./receipts-view.ts"

/** `fibric.receipts`: what became of every request. */
export const receiptColumns = {
  ...before,
  folded: "How many receipts of repeats were folded into this one when it was sealed; 1 where none was",
  first_at: "Where receipts were folded: when the first of them was written",
  purged: "Whether it had a body that was purged"
} as const

/** `fibric.doubts`: what was sent and perhaps performed, with no outcome known. */
export const doubtColumns = {
  key: "The idempotency key in its readable form, verb:entity:occasion",
  key_hash: "The hash that names the key, in hexadecimal",
  capability: "The verb",
  entity_type: "The type of the entity",
  entity_id: "The id of the entity",
  attempt: "Which dispatch of the key it is about, from 1",
  operator: "Who proposed it",
  since: "Since when nobody knows",
  check_after: "When something is done about it by itself, or from when on a person may decide",
  reason: "Why, in words",
  receipt_id: "The receipt that says so"
} as const

/** `fibric.seals`: the chain that `fibric verify` checks. */
export const sealColumns = {
  number: "Its place in the chain, from 1",
  up_to: "The last transaction of its range, which begins after the one of the seal before",
  rows: "How many receipts stand in its range",
  receipts: "How many requests they stand for: sum(count)",
  first_at: "When the first of them was written",
  last_at: "When the last of them was written",
  hash: "SHA-256 over the seal before and the digests of its receipts in order, in hexadecimal",
  sealed_at: "When it was made"
} as const

export const publicViews = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE OR REPLACE VIEW fibric.receipts AS
    SELECT id, at, outcome, operator, capability, key, entity_type || '-' || entity_id AS entity,
      entity_type, entity_id, attempt, count, refers_to, duration_millis, proof, reason,
      outcome IN ('released', 'reopened', 'denied', 'expired', 'saturated') AS safe_to_retry,
      check_after, durability, folded, first_at, body_digest IS NOT NULL AS purged
    FROM fibric.receipt_log`
  yield* sql`
    CREATE OR REPLACE VIEW fibric.doubts AS
    SELECT ledger.key, encode(ledger.key_hash, 'hex') AS key_hash, ledger.capability, ledger.entity_type,
      ledger.entity_id, ledger.attempt, ledger.operator, ledger.since, ledger.check_after, receipt.reason,
      ledger.receipt_id
    FROM fibric.ledger AS ledger
    LEFT JOIN fibric.receipt_log AS receipt ON receipt.id = ledger.receipt_id
    WHERE ledger.state = 'in_doubt'`
  yield* sql`
    CREATE OR REPLACE VIEW fibric.seals AS
    SELECT number, up_to, rows, receipts, first_at, last_at, encode(hash, 'hex') AS hash, sealed_at
    FROM fibric.seal`
  yield* documented("receipts", receiptColumns)
  yield* documented("doubts", doubtColumns)
  yield* documented("seals", sealColumns)
})

/** Says in the database what the columns of a view mean. */
export const documented = Effect.fnUntraced(function* (
  view: string,
  columns: Readonly<Record<string, string>>
) {
  const sql = yield* SqlClient.SqlClient
  for (const [column, meaning] of Object.entries(columns)) {
    yield* sql`COMMENT ON COLUMN ${sql(`fibric.${view}.${column}`)} IS ${sql.literal(quoted(meaning))}`
  }
})

// COMMENT takes no parameters; the texts are the constants above.
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
