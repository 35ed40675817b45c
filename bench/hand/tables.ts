/**
 * tables: what the baselines write to. The receipts have the columns and the indexes of fibric's own, as
 * its migrations have just made them; the ledger has what somebody would write down who claims a key before
 * a call and settles it after, with the primary key and the index that lets one action of an entity be in
 * flight.
 */

/** The part of fibric's receipts that new ones go to. */
export const receiptPart = `
  SELECT inhrelid::regclass::text AS part FROM pg_inherits
  WHERE inhparent = 'fibric.receipt_log'::regclass AND inhrelid::regclass::text LIKE '%_first'`

export const tables = (part: string): ReadonlyArray<string> => [
  `CREATE SCHEMA hand`,
  `CREATE TABLE hand.ledger (
    key_hash bytea PRIMARY KEY,
    entity_hash bytea NOT NULL,
    capability text NOT NULL,
    key text NOT NULL,
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    state text NOT NULL,
    since timestamptz NOT NULL,
    attempt integer NOT NULL,
    token uuid NOT NULL,
    worker uuid NOT NULL,
    operator text NOT NULL,
    fingerprint text NOT NULL,
    recovery text NOT NULL,
    doubt_at timestamptz NOT NULL,
    receipt_id uuid,
    body text
  )`,
  `CREATE UNIQUE INDEX ledger_lane ON hand.ledger (entity_hash) WHERE state IN ('performing', 'in_doubt')`,
  `CREATE TABLE hand.receipt_log (LIKE ${part} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)`
]
