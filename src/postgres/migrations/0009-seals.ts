/**
 * Step 9: seals over ranges of receipts, batches of repeats that are written once, and bodies that go.
 *
 * What changes or takes away a receipt is a function in its owner's name, and who may call it is granted
 * by itself: the runtime's role has no right to update or to delete one.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { rangeDigests, sealHash } from "./receipt-digest.ts"

export const seals = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE fibric.receipt_batch (
      id uuid PRIMARY KEY,
      not_after timestamptz NOT NULL
    )`
  yield* sql`CREATE INDEX receipt_batch_not_after ON fibric.receipt_batch (not_after)`
  yield* sql`
    COMMENT ON TABLE fibric.receipt_batch IS
      'Batches of repeats that were written. A statement that comes again adds nothing, also when its receipts are folded; after its time it adds nothing at all.'`
  yield* sql`
    CREATE TABLE fibric.seal (
      number bigint PRIMARY KEY,
      version integer NOT NULL,
      up_to xid8 NOT NULL UNIQUE,
      rows bigint NOT NULL,
      receipts bigint NOT NULL,
      first_at timestamptz NOT NULL,
      last_at timestamptz NOT NULL,
      hash bytea NOT NULL,
      sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`
  yield* sql`
    COMMENT ON TABLE fibric.seal IS
      'The chain of seals. Each is over the receipts of the transactions after the one before, up to its own, and over the one before.'`
  yield* sql`
    CREATE TABLE fibric.sealing (
      only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      chain uuid NOT NULL DEFAULT gen_random_uuid(),
      number bigint NOT NULL DEFAULT 0,
      up_to xid8 NOT NULL DEFAULT '0',
      hash bytea NOT NULL,
      purged xid8 NOT NULL DEFAULT '0'
    )`
  yield* sql`
    COMMENT ON TABLE fibric.sealing IS 'How far the chain has come. Whoever seals holds this row.'`
  yield* sql`
    INSERT INTO fibric.sealing (chain, hash)
    SELECT chain, sha256(convert_to('fibric/chain/1:' || chain, 'UTF8'))
    FROM (SELECT gen_random_uuid() AS chain) AS fresh`
  yield* seal
  yield* purge
})

/** Outcomes that are no transition of a key: only what nothing else refers to is folded. */
const foldable = `outcome IN ('deduplicated', 'joined', 'superseded', 'conflict', 'denied', 'expired', 'saturated')
  AND body IS NULL AND body_digest IS NULL AND proof IS NULL AND duration_millis IS NULL AND check_after IS NULL
  AND first_id IS NULL`

const seal = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const hash = sealHash({
    previous: "head.hash",
    number: "(head.number + 1)",
    upTo: "upto",
    rows: "found.rows",
    receipts: "found.receipts",
    digests: "found.digests"
  })
  yield* sql`
    CREATE FUNCTION fibric.seal(after_millis double precision, most integer)
    RETURNS TABLE (number bigint, rows bigint, receipts bigint, folded bigint) LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    #variable_conflict use_column
    DECLARE
      head record;
      found record;
      horizon xid8;
      upto xid8;
      age interval := GREATEST(after_millis, 0) * interval '1 ms';
      gone bigint;
    BEGIN
      SELECT * INTO head FROM fibric.sealing FOR UPDATE SKIP LOCKED;
      -- Somebody else is sealing.
      IF head.chain IS NULL THEN RETURN; END IF;
      -- Every transaction below it has ended, and what it has committed is seen from here on.
      horizon := pg_snapshot_xmin(pg_current_snapshot());

      WITH open AS MATERIALIZED (
        SELECT transaction, id, at FROM fibric.receipt_log
        WHERE transaction > head.up_to AND transaction < horizon
        ORDER BY transaction, id LIMIT GREATEST(most, 1)
      ), young AS (
        SELECT transaction FROM open WHERE at > clock_timestamp() - age ORDER BY transaction LIMIT 1
      )
      SELECT open.transaction INTO upto FROM open
      WHERE NOT EXISTS (SELECT 1 FROM young WHERE young.transaction <= open.transaction)
        -- Ranges are as wide as their receipts have to be old, however many ask.
        AND (SELECT min(at) FROM open) <= clock_timestamp() - 2 * age
      ORDER BY open.transaction DESC LIMIT 1;
      IF upto IS NULL THEN RETURN; END IF;

      WITH alike AS MATERIALIZED (
        SELECT array_agg(id ORDER BY transaction DESC, id DESC) AS ids, sum(count) AS total, count(*) AS rows,
          min(at) AS first_at, (array_agg(transaction ORDER BY transaction, id))[1] AS first_transaction,
          (array_agg(id ORDER BY transaction, id))[1] AS first_id
        FROM fibric.receipt_log
        WHERE transaction > head.up_to AND transaction <= upto AND ${sql.literal(foldable)}
        GROUP BY key_hash, outcome, operator, attempt, refers_to, reason, durability
        HAVING count(*) > 1 AND sum(count) <= 2147483647
      ), kept AS (
        UPDATE fibric.receipt_log AS receipt SET count = alike.total, folded = alike.rows, first_at = alike.first_at,
          first_transaction = alike.first_transaction, first_id = alike.first_id, folded_by = pg_current_xact_id()
        FROM alike WHERE receipt.id = alike.ids[1]
      ), taken AS (
        DELETE FROM fibric.receipt_log AS receipt USING alike, unnest(alike.ids[2:]) AS other (id)
        WHERE receipt.id = other.id
        RETURNING 1
      )
      SELECT count(*) INTO gone FROM taken;

      SELECT count(*) AS rows, COALESCE(sum(count), 0)::bigint AS receipts, min(COALESCE(first_at, at)) AS first_at,
        max(at) AS last_at, ${sql.literal(rangeDigests)} AS digests
      INTO found FROM fibric.receipt_log
      WHERE transaction > head.up_to AND transaction <= upto;

      INSERT INTO fibric.seal (number, version, up_to, rows, receipts, first_at, last_at, hash)
      VALUES (head.number + 1, 1, upto, found.rows, found.receipts, found.first_at, found.last_at,
        ${sql.literal(hash)});
      UPDATE fibric.sealing SET number = head.number + 1, up_to = upto,
        hash = (SELECT seal.hash FROM fibric.seal AS seal WHERE seal.number = head.number + 1);
      DELETE FROM fibric.receipt_batch WHERE id IN (
        SELECT id FROM fibric.receipt_batch
        WHERE not_after < clock_timestamp() - interval '1 hour' - 2 * age ORDER BY not_after LIMIT 10000
      );
      RETURN QUERY SELECT head.number + 1, found.rows, found.receipts, gone;
    END
    $$`
  yield* sql`
    COMMENT ON FUNCTION fibric.seal IS
      'Folds and seals the next range of receipts that are so old, at most so many and whole transactions; no row where there is none, or somebody else does'`
  yield* sql`REVOKE ALL ON FUNCTION fibric.seal FROM PUBLIC`
})

/**
 * Bodies and stored payloads of keys that are open (performing, in doubt) are needed and stay. It walks
 * the receipts in their order, and remembers up to where none has a body any more.
 */
const purge = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE FUNCTION fibric.purge_bodies(older_millis double precision, past xid8, most integer)
    RETURNS TABLE (up_to xid8, bodies bigint, requests bigint, pinned bigint) LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    #variable_conflict use_column
    DECLARE
      before timestamptz := clock_timestamp() - GREATEST(older_millis, 0) * interval '1 ms';
      lower xid8 := COALESCE(past, (SELECT purged FROM fibric.sealing));
      upto xid8;
      keys bytea[];
      emptied bigint;
      cleared bigint;
      earlier bigint;
      kept bigint;
    BEGIN
      WITH walked AS MATERIALIZED (
        SELECT transaction, at, key_hash FROM fibric.receipt_log
        WHERE transaction > lower AND transaction < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY transaction, id LIMIT GREATEST(most, 1)
      ), young AS (
        SELECT transaction FROM walked WHERE at >= before ORDER BY transaction LIMIT 1
      )
      SELECT walked.transaction INTO upto FROM walked
      WHERE NOT EXISTS (SELECT 1 FROM young WHERE young.transaction <= walked.transaction)
      ORDER BY walked.transaction DESC LIMIT 1;
      IF upto IS NULL THEN RETURN; END IF;

      SELECT array_agg(DISTINCT key_hash) INTO keys FROM fibric.receipt_log
      WHERE transaction > lower AND transaction <= upto;

      WITH spent AS (
        SELECT key_hash FROM fibric.ledger
        WHERE key_hash = ANY(keys) AND state NOT IN ('performing', 'in_doubt') AND since < before
          AND (request IS NOT NULL OR refusal IS NOT NULL)
        ORDER BY entity_hash, key_hash
        FOR UPDATE
      )
      UPDATE fibric.ledger AS ledger SET request = NULL, refusal = NULL, revision = revision + 1
      FROM spent WHERE ledger.key_hash = spent.key_hash;
      GET DIAGNOSTICS cleared = ROW_COUNT;

      UPDATE fibric.attempt AS earlier SET refusal = NULL
      FROM fibric.ledger AS ledger
      WHERE earlier.key_hash = ANY(keys) AND earlier.refusal IS NOT NULL AND ledger.key_hash = earlier.key_hash
        AND ledger.state NOT IN ('performing', 'in_doubt') AND ledger.since < before;
      GET DIAGNOSTICS earlier = ROW_COUNT;

      UPDATE fibric.receipt_log AS receipt SET body = NULL, body_digest = sha256(convert_to(body, 'UTF8'))
      WHERE transaction > lower AND transaction <= upto AND body IS NOT NULL
        AND NOT EXISTS (
          SELECT 1 FROM fibric.ledger AS open
          WHERE open.key_hash = receipt.key_hash AND open.state IN ('performing', 'in_doubt')
        );
      GET DIAGNOSTICS emptied = ROW_COUNT;

      SELECT count(*) INTO kept FROM fibric.receipt_log
      WHERE transaction > lower AND transaction <= upto AND body IS NOT NULL;
      IF kept = 0 THEN UPDATE fibric.sealing SET purged = upto WHERE purged = lower; END IF;
      RETURN QUERY SELECT upto, emptied, cleared + earlier, kept;
    END
    $$`
  yield* sql`
    COMMENT ON FUNCTION fibric.purge_bodies IS
      'Empties the bodies of the next receipts that are so old, and the stored payloads of their keys; from where it stopped, or from where a run before had emptied all. The receipts stay, and what is in doubt keeps all. No row at the end'`
  yield* sql`REVOKE ALL ON FUNCTION fibric.purge_bodies FROM PUBLIC`
})
