/**
 * Step 8: what is there becomes the first part of the receipts, up to the bound of step 6; after it each
 * month has a part of its own, made ahead. Where that was missed, the default part takes what comes.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const receiptMonths = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`LOCK TABLE fibric.receipts IN ACCESS EXCLUSIVE MODE`
  const [row] = yield* sql<{ readonly bound: string }>`
    SELECT substring(pg_get_constraintdef(oid) FROM '[0-9a-f]{8}-[0-9a-f-]{27}') AS bound
    FROM pg_constraint
    WHERE conrelid = 'fibric.receipt_log_default'::regclass AND conname = 'receipt_log_first_bound'`
  const bound = sql.literal(`'${row?.bound}'`)
  yield* sql`ALTER TABLE fibric.receipt_log DETACH PARTITION fibric.receipt_log_default`
  yield* sql`ALTER TABLE fibric.receipt_log_default RENAME TO receipt_log_first`
  yield* sql`
    ALTER TABLE fibric.receipt_log ATTACH PARTITION fibric.receipt_log_first FOR VALUES FROM (MINVALUE) TO (${bound})`
  yield* sql`ALTER TABLE fibric.receipt_log_first DROP CONSTRAINT receipt_log_first_bound`
  yield* sql`CREATE TABLE fibric.receipt_log_default PARTITION OF fibric.receipt_log DEFAULT`
  yield* sql`CREATE INDEX receipt_log_default_position ON fibric.receipt_log_default (transaction, id)`
  yield* sql`CREATE INDEX receipt_log_default_entity ON fibric.receipt_log_default (entity_id, entity_type)`
  yield* makeMonths
})

/**
 * In its owner's name, so that a runtime that may create nothing has its months made ahead all the same.
 * A month of which the default part already has receipts is left to it: nothing is moved.
 */
const makeMonths = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE FUNCTION fibric.make_months(ahead integer) RETURNS SETOF text LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
    DECLARE
      month timestamptz;
      part text;
    BEGIN
      -- One at a time: two that make the same month would only get in each other's way.
      PERFORM pg_advisory_xact_lock(hashtext('fibric.make_months'));
      FOR month IN
        SELECT generate_series(
          date_trunc('month', clock_timestamp(), 'UTC') AT TIME ZONE 'UTC',
          (date_trunc('month', clock_timestamp(), 'UTC') AT TIME ZONE 'UTC')
            + LEAST(GREATEST(ahead, 0), 24) * interval '1 month',
          '1 month'
        ) AT TIME ZONE 'UTC'
      LOOP
        part := 'receipt_log_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        CONTINUE WHEN to_regclass('fibric.' || part) IS NOT NULL;
        BEGIN
          EXECUTE format('CREATE TABLE fibric.%I (LIKE fibric.receipt_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
          EXECUTE format('CREATE INDEX %I ON fibric.%I (transaction, id)', part || '_position', part);
          EXECUTE format('CREATE INDEX %I ON fibric.%I (entity_id, entity_type)', part || '_entity', part);
          EXECUTE format(
            'ALTER TABLE fibric.receipt_log ATTACH PARTITION fibric.%I FOR VALUES FROM (%L) TO (%L)', part,
            fibric.first_id_at(month),
            fibric.first_id_at((month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC')
          );
          RETURN NEXT part;
        EXCEPTION
          -- It belongs to the first part, or the default part has receipts of it.
          WHEN invalid_object_definition OR check_violation THEN NULL;
        END;
      END LOOP;
    END
    $$`
  yield* sql`
    COMMENT ON FUNCTION fibric.make_months IS
      'Makes the parts of the receipts for this month and so many ahead, where they are missing; the names of those made'`
  yield* sql`REVOKE ALL ON FUNCTION fibric.make_months FROM PUBLIC`
})

/**
 * Indexes of this step, on what was there before. They are made while others write, so outside of the
 * step's transaction.
 */
export const receiptMonthsIndexes = {
  receipt_log_first_position: `CREATE INDEX CONCURRENTLY receipt_log_first_position
    ON fibric.receipt_log_first (transaction, id)`,
  receipt_log_first_entity: `CREATE INDEX CONCURRENTLY receipt_log_first_entity
    ON fibric.receipt_log_first (entity_id, entity_type)`
} as const
