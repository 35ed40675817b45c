/**
 * A refusal that is reopened while repeats of it are written, on two connections: what is told of a key is
 * committed before the key moves, or not at all.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { Ledger } from "../../src/kernel/Ledger.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import { apply } from "../../src/postgres/settle.ts"
import { claimed, keyOf, recordAll, refused, repeatOf, settle } from "../contracts/keys.ts"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"

const key = keyOf("1")

/** What a batch comes to that has to wait for a reopening, which is committed once the batch waits. */
const recordedAmidst = (validMillis: number, whileItWaits: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const { url } = yield* ledgerDatabase
    const context = yield* Layer.build(
      PgLedger.layer.pipe(
        Layer.provideMerge(LedgerClient.layer),
        Layer.provideMerge(PgClient.layer({ url, maxConnections: 3 }))
      )
    )
    return yield* Effect.gen(function* () {
      const ledger = yield* Ledger
      const sql = yield* PgClient.PgClient
      const settled = yield* settle(yield* claimed(key), refused)
      const refersTo = settled._tag === "Settled" ? settled.receipt.id : null
      const [reopened, commit] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const ruling = { _tag: "Reopen" } as const
      const said = {
        _tag: "Ruling",
        attempt: 1,
        ruling,
        operator: "dana",
        reason: "mended",
        force: false
      } as const
      const receiptId = yield* Identifiers.ordered
      const reopening = yield* Effect.forkChild(
        sql.withTransaction(
          apply(sql, key, said, receiptId).pipe(
            Effect.andThen(Deferred.succeed(reopened, undefined)),
            Effect.andThen(Deferred.await(commit))
          )
        ),
        { startImmediately: true }
      )
      yield* Deferred.await(reopened)
      const repeat = {
        ...(yield* repeatOf(key, "deduplicated", 1)),
        refersTo,
        attempt: 1,
        onlyIfStands: true
      }
      const recording = yield* Effect.forkChild(recordAll([repeat], validMillis), { startImmediately: true })
      yield* eventually(
        Effect.map(
          sql`
            SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%receipt_batch%'`,
          (rows) => (rows.length > 0 ? true : undefined)
        )
      )
      yield* whileItWaits
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(reopening)
      const { batch, recorded } = yield* Fiber.join(recording)
      assert.deepStrictEqual(yield* ledger.record(batch), recorded)
      return { recorded, receiptId: repeat.receiptId }
    }).pipe(Effect.provideContext(context))
  }).pipe(Effect.scoped)

describe("a repeat of a refusal that somebody reopens meanwhile", () => {
  it.live("waits for the reopening, and is not written", () =>
    Effect.gen(function* () {
      const { receiptId, recorded } = yield* recordedAmidst(60_000, Effect.void)
      assert.deepStrictEqual(recorded, { _tag: "Recorded", receipts: [], moved: [receiptId] })
    })
  )

  it.live("is too late where its time has passed while it waited", () =>
    Effect.gen(function* () {
      // The one wait that has to be real: the batch's time is the database's.
      const { recorded } = yield* recordedAmidst(1_500, Effect.sleep("1600 millis"))
      assert.deepStrictEqual(recorded, { _tag: "TooLate" })
    })
  )
})
