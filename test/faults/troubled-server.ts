/**
 * A ledger on a real Postgres to which something happens: statements that the server ends, sessions that it
 * ends, connections that it refuses.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Logger, type Redacted } from "effect"
import { ReceiptLog, Settings } from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"
import { makeWorld, notify, over } from "../support/orders.ts"

type Some = Parameters<typeof Settings.layer>[0]

/** A fibric over that database, with orders; it says nothing. */
export const runtimeOn = Effect.fnUntraced(function* (url: Redacted.Redacted<string>, bounds: Some = {}) {
  const { layer, world } = makeWorld()
  const context = yield* Layer.build(
    over(layer, layerPostgres).pipe(
      Layer.provide(PgClient.layer({ url, maxConnections: 1 })),
      Layer.provide(Settings.layer({ drainMillis: 0, ...bounds })),
      Layer.provide(Logger.layer([]))
    )
  )
  return { world, context }
})

/** The test's own client, which may do anything. */
export const adminOn = (url: Redacted.Redacted<string>) =>
  Effect.flatMap(Layer.build(PgClient.layer({ url, maxConnections: 4 })), (context) =>
    Effect.provideContext(PgClient.PgClient, context)
  )

/** A fibric on a database of its own, and the test's own client for it. */
export const prepared = Effect.fnUntraced(function* (bounds: Some = {}) {
  const { url } = yield* ledgerDatabase
  const sql = yield* adminOn(url)
  return { sql, ...(yield* runtimeOn(url, bounds)) }
})

/** What the server does instead of writing to the ledger's row. */
const troubles = {
  /** A lock that is not given in time: somebody holds `gate`. */
  lock: "PERFORM set_config('lock_timeout', '50', true); LOCK TABLE gate IN SHARE MODE;",
  /** The statement goes on until the server ends it. */
  slow: "PERFORM pg_sleep(3600);",
  /** It waits for whoever holds `gate`, and its row stays locked meanwhile. */
  wait: "LOCK TABLE gate IN SHARE MODE;",
  /** The server has no room for another row. */
  disk: "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';"
} as const

/** From now on this happens to so many of the claims (`INSERT`) or settlements (`UPDATE`). */
export const trouble = (
  sql: PgClient.PgClient,
  trouble: keyof typeof troubles,
  at: "INSERT" | "UPDATE",
  times: number
) =>
  Effect.gen(function* () {
    yield* sql`CREATE TABLE gate ()`
    // What is taken from a sequence stays taken when the statement comes to nothing.
    yield* sql`CREATE SEQUENCE met`
    yield* sql`
      CREATE FUNCTION befall() RETURNS trigger LANGUAGE plpgsql AS ${sql.literal(
        `$$BEGIN IF nextval('met') <= ${times} THEN ${troubles[trouble]} END IF; RETURN NEW; END$$`
      )}`
    yield* sql`
      CREATE TRIGGER befall BEFORE ${sql.literal(at)} ON fibric.ledger FOR EACH ROW EXECUTE FUNCTION befall()`
  })

/** How often it was met, in vain or not. */
export const met = (sql: PgClient.PgClient) =>
  Effect.map(
    sql<{ met: number }>`SELECT last_value::int AS met FROM met WHERE is_called`,
    ([row]) => row?.met ?? 0
  )

/** Waits until so many of the ledger's statements wait for a lock. A transaction may look, too. */
export const untilWaiting = (sql: PgClient.PgClient, sessions: number) =>
  eventually(
    Effect.map(
      Effect.andThen(
        sql`SELECT pg_stat_clear_snapshot()`,
        sql`SELECT 1 FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'fibric' AND wait_event_type = 'Lock'`
      ),
      (rows) => (rows.length >= sessions ? true : undefined)
    )
  )

/** Ends every session of the ledger. */
export const endSessions = (sql: PgClient.PgClient) => sql`
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'fibric'`

/** An order's receipts by outcome, in order. */
export const receiptsOf = Effect.fnUntraced(function* (id: string) {
  const log = yield* ReceiptLog
  return (yield* log.byKey(notify(id).key)).map(({ outcome }) => outcome)
})
