/**
 * A row that ends while the reaper looks at it: what it read is of its statement's snapshot, and by the
 * time that it has the row, the row may be another one.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { Reactivity } from "effect/reactivity"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import { reap } from "../../src/postgres/statements.ts"
import { alive, claimed, freshIds, keyOf, performed, settle, stateOf } from "../contracts/keys.ts"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"

describe("the reaper", () => {
  it.live("leaves a row alone that was settled after it had looked", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const context = yield* Layer.build(
        PgLedger.layer.pipe(
          Layer.provideMerge(LedgerClient.layer),
          Layer.provideMerge(PgClient.layer({ url, maxConnections: 3 }))
        )
      )
      // A clock that stands still while somebody holds it: a statement that reads it has its snapshot already.
      const slowed = yield* PgClient.make({
        url,
        maxConnections: 1,
        startupParameters: { search_path: "slowed, pg_catalog" }
      }).pipe(Effect.provide(Reactivity.layer))
      yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* sql`CREATE SCHEMA slowed`
        yield* sql`
          CREATE FUNCTION slowed.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$
          BEGIN
            PERFORM pg_advisory_xact_lock_shared(1);
            RETURN pg_catalog.clock_timestamp();
          END $$`
        const claim = yield* claimed(keyOf("1"), { worker: yield* alive, doubtAfterMillis: -1 })
        const settled = yield* Deferred.make<void>()
        const holding = yield* Effect.forkChild(
          sql.withTransaction(Effect.andThen(sql`SELECT pg_advisory_xact_lock(1)`, Deferred.await(settled))),
          { startImmediately: true }
        )
        const locks = (granted: boolean) =>
          eventually(
            Effect.map(
              sql`
                SELECT 1 FROM pg_locks
                WHERE locktype = 'advisory' AND granted = ${granted}::boolean
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
              (rows) => (rows.length > 0 ? true : undefined)
            )
          )
        yield* locks(true)
        const reaping = yield* Effect.forkChild(reap(slowed, yield* freshIds(3)), { startImmediately: true })
        yield* locks(false)
        assert.strictEqual((yield* settle(claim, performed))._tag, "Settled")
        yield* Deferred.succeed(settled, undefined)
        yield* Fiber.join(holding)
        assert.deepStrictEqual(yield* Fiber.join(reaping), [])
        assert.deepStrictEqual(yield* stateOf(claim.key), { state: "done", attempt: 1 })
      }).pipe(Effect.provideContext(context))
    }).pipe(Effect.scoped)
  )
})
