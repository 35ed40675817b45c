/**
 * Step 6: receipts can be folded, lose their bodies, and have months of their own.
 *
 * The bound is set for what comes later, without a look at the rows: all that is there, and what is
 * written until the month after the next one, stays in the one table that it is in.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const receiptsAge = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Whoever reads the view takes it first and the table under it second: so does this.
  yield* sql`LOCK TABLE fibric.receipts IN ACCESS EXCLUSIVE MODE`
  yield* sql`
    ALTER TABLE fibric.receipt_log
      ADD COLUMN body_digest bytea,
      ADD COLUMN folded integer NOT NULL DEFAULT 1,
      ADD COLUMN first_at timestamptz,
      ADD COLUMN first_transaction xid8,
      ADD COLUMN first_id uuid,
      ADD COLUMN folded_by xid8`
  yield* sql`
    CREATE FUNCTION fibric.first_id_at(instant timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    RETURN rpad(lpad(to_hex((extract(epoch FROM instant) * 1000)::bigint), 12, '0'), 32, '0')::uuid`
  yield* sql`
    COMMENT ON FUNCTION fibric.first_id_at IS 'No UUIDv7 of this instant, or of a later one, sorts before it'`
  const [row] = yield* sql<{ readonly bound: string }>`
    SELECT CASE WHEN newest > clock_timestamp() + interval '1 year' THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff'
      ELSE fibric.first_id_at(
        (date_trunc('month', GREATEST(clock_timestamp(), newest) AT TIME ZONE 'UTC') + interval '2 months')
          AT TIME ZONE 'UTC'
      ) END AS bound
    FROM (SELECT (SELECT id FROM fibric.receipt_log ORDER BY id DESC LIMIT 1) AS id) AS last,
      LATERAL (
        SELECT to_timestamp(('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint / 1000.0) AS newest
      ) AS written`
  // DDL takes no parameters; the bound is a UUID that the database has just made.
  yield* sql`
    ALTER TABLE fibric.receipt_log_default
      ADD CONSTRAINT receipt_log_first_bound CHECK (id < ${sql.literal(`'${row?.bound}'::uuid`)}) NOT VALID`
})
