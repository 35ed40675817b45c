/**
 * Step 1: the keys, the workers, the receipts, and the view that people read. Landed: never changed.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const ledgerAndReceipts = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE fibric.ledger_info (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      path_secret text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`
  yield* sql`
    INSERT INTO fibric.ledger_info (path_secret)
    VALUES (gen_random_uuid()::text || gen_random_uuid()::text)`
  yield* sql`
    CREATE TABLE fibric.worker (
      incarnation uuid PRIMARY KEY,
      started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL
    )`
  yield* sql`
    CREATE TABLE fibric.ledger (
      key_hash bytea PRIMARY KEY,
      entity_hash bytea NOT NULL,
      capability text NOT NULL,
      key text NOT NULL,
      entity_type text NOT NULL,
      entity_id text NOT NULL,
      state text NOT NULL CHECK (state IN ('performing', 'in_doubt', 'released', 'done', 'refused')),
      since timestamptz NOT NULL,
      attempt integer NOT NULL CHECK (attempt > 0),
      generation integer NOT NULL CHECK (generation >= 0),
      token uuid NOT NULL,
      worker uuid NOT NULL,
      operator text NOT NULL,
      fingerprint text NOT NULL,
      paths text NOT NULL,
      doubt_holds_lane boolean NOT NULL,
      doubt_at timestamptz NOT NULL,
      receipt_id uuid,
      CHECK (state = 'performing' OR receipt_id IS NOT NULL)
    )`
  // One action in flight for an entity, and none beside a doubt that holds the lane: a fact of the
  // database, whatever any process believes.
  yield* sql`
    CREATE UNIQUE INDEX ledger_lane ON fibric.ledger (entity_hash)
    WHERE state = 'performing' OR (state = 'in_doubt' AND doubt_holds_lane)`
  yield* sql`
    CREATE TABLE fibric.receipt_log (
      id uuid PRIMARY KEY,
      at timestamptz NOT NULL DEFAULT clock_timestamp(),
      transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
      outcome text NOT NULL,
      operator text NOT NULL,
      capability text NOT NULL,
      key_hash bytea NOT NULL,
      key text NOT NULL,
      entity_type text NOT NULL,
      entity_id text NOT NULL,
      attempt integer NOT NULL,
      count integer NOT NULL CHECK (count > 0),
      refers_to uuid,
      duration_millis integer,
      proof text,
      reason text,
      body text
    ) PARTITION BY RANGE (id)`
  yield* sql`CREATE TABLE fibric.receipt_log_default PARTITION OF fibric.receipt_log DEFAULT`
  yield* sql`CREATE INDEX receipt_log_key ON fibric.receipt_log (key_hash)`
  yield* receiptsView
})

const receiptColumns = {
  id: "The receipt, a UUIDv7",
  at: "When it was written, by the database's clock",
  outcome:
    "performed, refused, released, in_doubt, resolved, deduplicated, joined, conflict, denied, expired or saturated",
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
  proof: "What proves that nothing was performed",
  reason: "Why, in words"
} as const

const receiptsView = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE VIEW fibric.receipts AS
    SELECT id, at, outcome, operator, capability, key, entity_type || '-' || entity_id AS entity,
      entity_type, entity_id, attempt, count, refers_to, duration_millis, proof, reason
    FROM fibric.receipt_log`
  for (const [column, meaning] of Object.entries(receiptColumns)) {
    yield* sql`COMMENT ON COLUMN ${sql(`fibric.receipts.${column}`)} IS ${sql.literal(quoted(meaning))}`
  }
})

// COMMENT takes no parameters; the texts are the constants above.
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
