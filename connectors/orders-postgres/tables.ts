/**
 * tables: where orders stand, and how a change to one becomes an event.
 *
 * The tables are the order system's own, in a schema of their own, in the database that also holds the
 * ledger. Anybody with the right may change an order in plain SQL: the triggers count its version up and
 * write the event in the same transaction, whoever it was.
 */
import { Effect, Layer } from "effect"
import { Migrator, SqlClient, type SqlError } from "effect/sql"

export interface Options {
  /** The schema that the tables are in. Default: `orders`. */
  readonly schema?: string | undefined
}

export const schemaOf = (options: Options | undefined): string => options?.schema ?? "orders"

type Sql = SqlClient.SqlClient

/**
 * Makes the tables where they are missing, over the client in the context; run by the owner of the database
 * before anything else. What is up to date is only read, so that other roles may call it too. Several
 * processes may do so at once.
 */
export const migrate = Effect.fn("Orders.migrate")(function* (
  options?: Options
): Effect.fn.Return<void, SqlError.SqlError | Migrator.MigrationError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient
  const schema = schemaOf(options)
  if ((yield* newest(sql, schema)) >= Object.keys(steps(schema)).length) return
  // Two processes that make the schema at the same instant collide once; the second then finds it.
  yield* Effect.retry(sql`CREATE SCHEMA IF NOT EXISTS ${sql(schema)}`.withoutTransform, { times: 3 })
  yield* Migrator.make({})({ loader: Migrator.fromRecord(steps(schema)), table: `${schema}.migrations` })
})

/** The same as a layer: whatever is built upon it finds the tables. */
export const layerTables = (
  options?: Options
): Layer.Layer<never, SqlError.SqlError | Migrator.MigrationError, SqlClient.SqlClient> =>
  Layer.effectDiscard(migrate(options))

/** The newest step that has been made; 0 where there is none. */
const newest = Effect.fnUntraced(function* (sql: Sql, schema: string) {
  const [table] = yield* sql<{ there: boolean }>`
    SELECT EXISTS (
      SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = ${schema} AND tablename = 'migrations'
    ) AS there`.withoutTransform
  if (table?.there !== true) return 0
  const [row] = yield* sql<{ newest: number | null }>`
    SELECT max(migration_id) AS newest FROM ${sql(schema)}.migrations`.withoutTransform
  return row?.newest ?? 0
})

const steps = (schema: string) => ({
  "0001_orders": Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    yield* orders(sql, schema)
    yield* events(sql, schema)
    yield* versions(sql, schema)
    yield* telling(sql, schema)
  })
})

const orders = (sql: Sql, schema: string) =>
  sql`
    CREATE TABLE ${sql(schema)}.orders (
      id text PRIMARY KEY,
      status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'on_hold', 'shipped')),
      version integer NOT NULL DEFAULT 1,
      -- Why it is on hold, or was released.
      reason text,
      carrier text,
      tracking text,
      changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      CHECK ((status = 'shipped') = (carrier IS NOT NULL AND tracking IS NOT NULL))
    )`.withoutTransform

/**
 * An id alone is no order: it is given before the commit. What is read in the order of (transaction, id), and
 * only below the oldest transaction that still runs, is never joined later by something before it.
 */
const events = (sql: Sql, schema: string) =>
  sql`
    CREATE TABLE ${sql(schema)}.events (
      transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
      id bigint GENERATED ALWAYS AS IDENTITY,
      order_id text NOT NULL,
      kind text NOT NULL CHECK (kind IN ('held', 'released', 'shipped')),
      version integer NOT NULL,
      reason text,
      carrier text,
      tracking text,
      at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (transaction, id)
    )`.withoutTransform

/** Whoever changes an order makes it another version, and nobody takes a shipment back. */
const versions = (sql: Sql, schema: string) =>
  Effect.andThen(
    sql`
      CREATE FUNCTION ${sql(schema)}.count_up() RETURNS trigger LANGUAGE plpgsql
      SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        IF NEW.id <> OLD.id THEN
          RAISE EXCEPTION 'Order % keeps its id.', OLD.id USING ERRCODE = 'check_violation';
        END IF;
        IF OLD.status = 'shipped' AND NEW.status <> 'shipped' THEN
          RAISE EXCEPTION 'Order % has been shipped, and stays so.', OLD.id
            USING ERRCODE = 'check_violation', HINT = 'What comes back is another order.';
        END IF;
        NEW.version := OLD.version + 1;
        NEW.changed_at := clock_timestamp();
        RETURN NEW;
      END
      $$`.withoutTransform,
    sql`
      CREATE TRIGGER count_up BEFORE UPDATE ON ${sql(schema)}.orders
      FOR EACH ROW EXECUTE FUNCTION ${sql(schema)}.count_up()`.withoutTransform
  )

/** Writes the event, in the owner's name: who may change an order need not be able to write events. */
const telling = Effect.fnUntraced(function* (sql: Sql, schema: string) {
  yield* sql`
    CREATE FUNCTION ${sql(schema)}.tell() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, ${sql(schema)}, pg_temp AS $$
    BEGIN
      INSERT INTO events (order_id, kind, version, reason, carrier, tracking)
      VALUES (
        NEW.id, CASE NEW.status WHEN 'on_hold' THEN 'held' WHEN 'shipped' THEN 'shipped' ELSE 'released' END,
        NEW.version, CASE WHEN NEW.status <> 'shipped' THEN NEW.reason END, NEW.carrier, NEW.tracking
      );
      RETURN NULL;
    END
    $$`.withoutTransform
  yield* sql`
    CREATE TRIGGER tell_of_change AFTER UPDATE ON ${sql(schema)}.orders
    FOR EACH ROW WHEN (NEW.status <> OLD.status)
    EXECUTE FUNCTION ${sql(schema)}.tell()`.withoutTransform
  // An order that comes in on hold, or shipped, has never been open here.
  yield* sql`
    CREATE TRIGGER tell_of_new AFTER INSERT ON ${sql(schema)}.orders
    FOR EACH ROW WHEN (NEW.status <> 'open')
    EXECUTE FUNCTION ${sql(schema)}.tell()`.withoutTransform
})
