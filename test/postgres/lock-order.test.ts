/**
 * The one order in which many rows are locked, so that two batches wait for each other and never in a
 * circle: by lane, then by key, whatever order they were handed in and whatever the planner likes.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { claim as runClaim } from "../../src/postgres/claim.ts"
import { claimAll } from "../../src/postgres/claims.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import { settleAll } from "../../src/postgres/settlements.ts"
import { alive, claimed, claimOf, keyOf, performed } from "../contracts/keys.ts"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"

const layer = Layer.unwrap(
  Effect.map(ledgerDatabase, ({ url }) =>
    PgLedger.layer.pipe(
      Layer.provideMerge(LedgerClient.layer),
      Layer.provideMerge(PgClient.layer({ url, maxConnections: 4 }))
    )
  )
)

/** Two keys, of which the first has the smaller lane and the larger hash: both orders, and one of them wrong. */
const [first, second] = (() => {
  const keys = Array.from({ length: 100 }, (_, id) => keyOf(String(id)))
  for (const one of keys) {
    for (const other of keys) {
      const lanes = Buffer.compare(one.entityHash, other.entityHash)
      if (lanes < 0 && Buffer.compare(one.hash, other.hash) > 0) return [one, other] as const
    }
  }
  throw new Error("no two of a hundred keys are in different orders by lane and by hash")
})()

/** Runs a statement while somebody holds what `hold` locks, and `meanwhile` once the statement waits for it. */
const whileHeld = Effect.fnUntraced(function* <A, B>(
  hold: Effect.Effect<unknown, unknown>,
  statement: Effect.Effect<A, unknown>,
  meanwhile: Effect.Effect<B, unknown>
) {
  const sql = yield* PgClient.PgClient
  const waits = sql`
    SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  return yield* sql
    .withTransaction(
      Effect.gen(function* () {
        yield* hold
        const running = yield* Effect.forkDetach(statement, { startImmediately: true })
        yield* eventually(Effect.map(waits, (rows) => (rows.length > 0 ? true : undefined)))
        const outside = yield* Effect.forkDetach(meanwhile, { startImmediately: true })
        return { running, seen: yield* Fiber.join(outside) }
      })
    )
    .pipe(Effect.tap(({ running }) => Fiber.join(running)))
})

describe("a batch that waits for its first row", () => {
  it.live("of claims has not claimed a later one", () =>
    Effect.gen(function* () {
      const client = yield* LedgerClient.LedgerClient
      const sql = yield* PgClient.PgClient
      const worker = yield* alive
      const held = yield* claimOf(worker, first)
      const batch = [yield* claimOf(worker, second), yield* claimOf(worker, first)]
      const other = yield* claimOf(worker, second)
      const { seen } = yield* whileHeld(
        runClaim(sql, held),
        claimAll(client.sql, batch),
        Effect.timeoutOption(runClaim(client.sql, other), "5 seconds")
      )
      assert.deepInclude(seen, { _tag: "Some" })
      assert.deepInclude(seen._tag === "Some" ? seen.value : {}, { _tag: "Claimed" })
    }).pipe(Effect.provide(layer))
  )

  it.live("of settlements has locked no later one", () =>
    Effect.gen(function* () {
      const client = yield* LedgerClient.LedgerClient
      const sql = yield* PgClient.PgClient
      const worker = yield* alive
      const claims = [yield* claimed(second, { worker }), yield* claimed(first, { worker })]
      const endings = yield* Effect.forEach(claims, ({ key, lane, token }) =>
        Effect.map(Identifiers.ordered, (receiptId) => ({
          settlement: { key, token, lane, receiptId, evidence: performed, durationMillis: 1 },
          next: undefined
        }))
      )
      const { seen } = yield* whileHeld(
        sql`SELECT 1 FROM fibric.ledger WHERE key_hash = ${first.hash} FOR UPDATE`,
        settleAll(client.sql, endings),
        client.sql`SELECT 1 FROM fibric.ledger WHERE key_hash = ${second.hash} FOR UPDATE SKIP LOCKED`
      )
      assert.lengthOf(seen, 1)
    }).pipe(Effect.provide(layer))
  )
})
