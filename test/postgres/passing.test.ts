/**
 * An action that passes a doubt while that doubt is being resolved, on two connections, in both orders.
 * Whichever comes first: afterwards the one that passed holds the lane, and nobody stands beside it for good.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { Ledger } from "../../src/kernel/Ledger.ts"
import type { Event } from "../../src/kernel/lifecycle/KeyRow.ts"
import { claim as runClaim } from "../../src/postgres/claim.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import { apply as runApply } from "../../src/postgres/settle.ts"
import { alive, claimed, claimOf, keyOf, settle, unknown } from "../contracts/keys.ts"
import { eventually } from "../support/asker.ts"
import { layerFreshClient } from "../support/database.ts"

const layer = PgLedger.layer.pipe(
  Layer.provideMerge(LedgerClient.layer),
  Layer.provideMerge(layerFreshClient)
)

const release: Event = {
  _tag: "Ruling",
  attempt: 1,
  ruling: { _tag: "Release" },
  operator: "dana",
  reason: "looked",
  force: true
}

/** Runs the first in a transaction that commits once the second, on another connection, waits for it. */
const overlapping = Effect.fnUntraced(function* <A, E>(
  first: (sql: PgClient.PgClient) => Effect.Effect<unknown, E>,
  second: Effect.Effect<A, E>
) {
  const sql = yield* PgClient.PgClient
  const waiting = yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* first(sql)
      const fiber = yield* Effect.forkDetach(second, { startImmediately: true })
      const blocked = sql`
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'fibric' AND wait_event_type = 'Lock'`
      yield* eventually(Effect.map(blocked, (rows) => (rows.length > 0 ? true : undefined)))
      return fiber
    })
  )
  return yield* Fiber.join(waiting)
})

/** The passing one is in flight, and then in doubt, and keeps others out both times. */
const holdsTheLane = Effect.fnUntraced(function* (worker: string, passing: Parameters<typeof settle>[0]) {
  const ledger = yield* Ledger
  const ring = yield* claimOf(worker, keyOf("1", "ring"))
  assert.deepStrictEqual(yield* ledger.claim(ring), { _tag: "LaneBusy" })
  yield* settle(passing, unknown)
  assert.deepInclude(yield* ledger.claim(ring), { _tag: "LaneHeld", key: passing.key.label })
})

describe("an action that passes a doubt while that is resolved", () => {
  const prepared = Effect.gen(function* () {
    const worker = yield* alive
    yield* settle(yield* claimed(keyOf("1", "unlock"), { worker }), unknown)
    const passing = yield* claimOf(worker, keyOf("1", "lock"), { passesDoubt: true })
    return { worker, passing, receiptId: yield* Identifiers.ordered }
  })

  it.live("takes the lane over where it had passed first", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const { passing, receiptId, worker } = yield* prepared
      const released = yield* overlapping(
        (sql) => Effect.orDie(runClaim(sql, passing)),
        Effect.orDie(ledger.apply(keyOf("1", "unlock"), release, receiptId))
      )
      assert.strictEqual(released._tag, "Settled")
      yield* holdsTheLane(worker, passing)
    }).pipe(Effect.provide(layer))
  )

  it.live("has the lane to itself where the doubt was resolved first", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const { passing, receiptId, worker } = yield* prepared
      const verdict = yield* overlapping(
        (sql) => Effect.orDie(runApply(sql, keyOf("1", "unlock"), release, receiptId)),
        Effect.orDie(ledger.claim(passing))
      )
      assert.strictEqual(verdict._tag, "Claimed")
      yield* holdsTheLane(worker, passing)
    }).pipe(Effect.provide(layer))
  )
})
