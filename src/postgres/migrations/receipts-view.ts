/**
 * The columns of the public view `fibric.receipts` up to step 5, with what each means. The same text documents them
 * in the database. A newer step may add columns at the end; none is taken away.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const receiptColumns = {
  id: "The receipt, a UUIDv7",
  at: "When it was written, by the database's clock",
  outcome:
    "performed, refused, released, in_doubt, resolved, reopened, abandoned, duplicate_observed, deduplicated, joined, superseded, conflict, denied, expired or saturated",
  operator: "Who asked, or who gave the verdict",
  capability: "The verb",
  key: "The idempotency key in its readable form, verb:entity:occasion",
  entity: "The entity in its readable form, type-id",
  entity_type: "The type of the entity",
  entity_id: "The id of the entity",
  attempt: "Which dispatch of the key it is about, from 1; 0 where there was none",
  count: "How many requests it stands for: totals are sum(count)",
  refers_to: "The receipt that answered this request, or that this one follows",
  duration_millis: "How long the connector took, in milliseconds",
  proof: "What proves that nothing was performed; testimony is somebody's word for it",
  reason: "Why, in words",
  safe_to_retry: "Whether nothing was performed and the same action may be asked for again",
  check_after: "For a doubt: when to look again",
  durability: "What the server did not promise when this was written, where the runtime was told to accept it"
} as const

/** The view as this version shows it. */
export const receiptsView = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE OR REPLACE VIEW fibric.receipts AS
    SELECT id, at, outcome, operator, capability, key, entity_type || '-' || entity_id AS entity,
      entity_type, entity_id, attempt, count, refers_to, duration_millis, proof, reason,
      outcome IN ('released', 'reopened', 'denied', 'expired', 'saturated') AS safe_to_retry,
      check_after, durability
    FROM fibric.receipt_log`
  for (const [column, meaning] of Object.entries(receiptColumns)) {
    yield* sql`COMMENT ON COLUMN ${sql(`fibric.receipts.${column}`)} IS ${sql.literal(quoted(meaning))}`
  }
})

// COMMENT takes no parameters; the texts are the constants above.
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
