import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Entity from "../../src/domain/Entity.ts"
import { IdempotencyKey } from "../../src/domain/IdempotencyKey.ts"
import * as Recovery from "../../src/domain/Recovery.ts"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { type Claim, Ledger } from "../../src/kernel/Ledger.ts"
import * as Timers from "../../src/kernel/Timers.ts"
import { claim as runClaim } from "../../src/postgres/claim.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"
import { fault } from "../support/fault.ts"

/** A ledger, and a plain client beside it, on one new database. */
const prepared = Effect.gen(function* () {
  const { url } = yield* ledgerDatabase
  const client = PgClient.layer({ url, maxConnections: 4, startupParameters: { synchronous_commit: "off" } })
  return yield* Layer.build(
    PgLedger.layer.pipe(Layer.provideMerge(LedgerClient.layer), Layer.provideMerge(client))
  )
})

const claimOf = Effect.fnUntraced(function* (seenAttempt: number) {
  const ledger = yield* Ledger
  const worker = yield* Identifiers.token
  yield* ledger.beat(worker, 60_000)
  const claim: Claim = {
    key: new IdempotencyKey("notify", { type: "order", id: "1" }, "shipped"),
    lane: Entity.hash({ type: "order", id: "1" }),
    token: yield* Identifiers.token,
    worker,
    operator: "shipping",
    fingerprint: "1:aa",
    paths: {},
    seenAttempt,
    doubtHoldsLane: true,
    passesDoubt: false,
    basis: null,
    root: null,
    doubtAfterMillis: 60_000,
    recovery: Recovery.hold,
    deadlineMillis: 20_000,
    request: null
  }
  return claim
})

/** The claim has run on a connection that was lost and has not committed; the same claim is run again. */
const claimedMeanwhile = Effect.fnUntraced(function* (claim: Claim) {
  const ledger = yield* Ledger
  const sql = yield* PgClient.PgClient
  return yield* sql
    .withTransaction(
      Effect.gen(function* () {
        yield* runClaim(sql, claim)
        const again = yield* Effect.forkDetach(ledger.claim(claim), { startImmediately: true })
        const blocked = sql`SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'fibric' AND wait_event_type = 'Lock'`
        yield* eventually(Effect.map(blocked, (rows) => (rows.length > 0 ? true : undefined)))
        return again
      })
    )
    .pipe(Effect.flatMap(Fiber.join))
})

describe("a claim whose first copy lands while the second runs", () => {
  it.live(`${fault("statement lands late")} gives the second copy the first one's answer`, () =>
    Effect.gen(function* () {
      const claim = yield* claimOf(0)
      const verdict = yield* claimedMeanwhile(claim)
      assert.deepStrictEqual(verdict, { _tag: "Claimed", attempt: 1, generation: 0 })
    }).pipe(
      (test) => Effect.flatMap(prepared, (context) => Effect.provideContext(test, context)),
      Effect.scoped
    )
  )

  it.live(`${fault("statement lands late")} does so for a released key too`, () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const first = yield* claimOf(0)
      yield* ledger.claim(first)
      yield* ledger.settle({
        key: first.key,
        token: first.token,
        receiptId: yield* Identifiers.ordered,
        evidence: { _tag: "NotPerformed", proof: "never_sent", reason: "refused" },
        durationMillis: 1
      })
      const verdict = yield* claimedMeanwhile(yield* claimOf(1))
      assert.deepStrictEqual(verdict, { _tag: "Claimed", attempt: 2, generation: 1 })
    }).pipe(
      (test) => Effect.flatMap(prepared, (context) => Effect.provideContext(test, context)),
      Effect.scoped
    )
  )
})

describe("the ledger's connections", () => {
  it.live("wait for the disk, whatever the app's own do", () =>
    Effect.gen(function* () {
      const { sql } = yield* LedgerClient.LedgerClient
      const app = yield* PgClient.PgClient
      assert.deepStrictEqual(yield* app`SHOW synchronous_commit`, [{ synchronous_commit: "off" }])
      assert.deepStrictEqual(yield* sql`SHOW synchronous_commit`, [{ synchronous_commit: "on" }])
    }).pipe(
      (test) => Effect.flatMap(prepared, (context) => Effect.provideContext(test, context)),
      Effect.scoped
    )
  )

  it.effect("that say nothing are unavailable after a while, and hold nobody for ever", () =>
    Effect.gen(function* () {
      const timers = yield* Timers.make(yield* Effect.scope)
      const asking = yield* Effect.forkChild(
        Effect.flip(LedgerClient.confirmedWithin(timers, 17_000)("claim", Effect.never)),
        { startImmediately: true }
      )
      yield* TestClock.adjust("16 seconds")
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(asking)
      assert.deepInclude({ ...error }, { operation: "claim", reason: "no answer within 17000 ms" })
    })
  )
})
