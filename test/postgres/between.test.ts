/**
 * What another connection commits between a statement's look at a row and its write.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, type Layer } from "effect"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { Ledger } from "../../src/kernel/Ledger.ts"
import type { Event } from "../../src/kernel/lifecycle/KeyRow.ts"
import { apply, settle as runSettle } from "../../src/postgres/settle.ts"
import { settleAll } from "../../src/postgres/settlements.ts"
import {
  claimed,
  freshIds,
  keyOf,
  notPerformed,
  performedAs,
  settle,
  stateOf,
  unknown
} from "../contracts/keys.ts"
import { holding, layerAlone, somebodyWaits } from "./support.ts"

const story = (sentence: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layerAlone>>) =>
  it.live(sentence, () => Effect.provide(body, layerAlone))

const key = keyOf("1")

const happened: Event = {
  _tag: "Ruling",
  attempt: 1,
  ruling: { _tag: "ItHappened", body: null },
  operator: "dana",
  reason: "looked",
  force: true
}

describe("a statement that is run again", () => {
  story(
    "finds the receipt of its first copy, also where that lands while it looks",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const sql = yield* PgClient.PgClient
      yield* settle(yield* claimed(key), unknown)
      const receiptId = yield* Identifiers.ordered
      // The first copy has the table to itself; the second one has begun to look, and waits for the row.
      const { first, second } = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`LOCK TABLE fibric.ledger IN ACCESS EXCLUSIVE MODE`
          const second = yield* Effect.forkDetach(ledger.apply(key, happened, receiptId), {
            startImmediately: true
          })
          yield* somebodyWaits
          return { first: (yield* apply(sql, key, happened, receiptId)).applied, second }
        })
      )
      assert.strictEqual(first._tag, "Settled")
      assert.deepStrictEqual(yield* Fiber.join(second), first)
    })
  )
})

describe("a settlement among many", () => {
  story(
    "leaves a row to be decided on alone that has moved while it waited for it",
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const claim = yield* claimed(key)
      const { letGo } = yield* holding((sql) =>
        Effect.flatMap(Identifiers.ordered, (receiptId) => apply(sql, key, happened, receiptId))
      )
      const { lane, token } = claim
      const receiptId = yield* Identifiers.ordered
      const settlement = { key, token, lane, receiptId, evidence: notPerformed, durationMillis: 1 }
      const settling = yield* Effect.forkChild(settleAll(sql, [{ settlement, next: undefined }]), {
        startImmediately: true
      })
      yield* somebodyWaits
      yield* letGo
      assert.deepStrictEqual((yield* Fiber.join(settling)).ended, [undefined])
      assert.deepStrictEqual(yield* stateOf(key), { state: "done", attempt: 1 })
    })
  )
})

describe("what changes nothing but what is known", () => {
  story(
    "is decided anew where a settlement commits before it is written",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const sql = yield* PgClient.PgClient
      const claim = yield* claimed(key)
      yield* settle(claim, unknown)
      // It has looked at the doubt, and waits for the row that a late success holds.
      const looking = yield* sql.withTransaction(
        Effect.gen(function* () {
          const { lane, token } = claim
          const receiptId = yield* Identifiers.ordered
          const settlement = { key, token, lane, receiptId, evidence: performedAs("m-1"), durationMillis: 1 }
          yield* runSettle(sql, { settlement, next: undefined })
          const nothing = { _tag: "Lookup", attempt: 1, found: null, startedAtMillis: 0 } as const
          const looking = yield* Effect.forkDetach(ledger.apply(key, nothing, yield* Identifiers.ordered), {
            startImmediately: true
          })
          yield* somebodyWaits
          return looking
        })
      )
      yield* Fiber.join(looking)
      const [found] = yield* ledger.inspect(key.label)
      assert.deepStrictEqual(
        found?.attempts.map(({ effectId, evidence }) => [evidence, effectId]),
        [["performed", "m-1"]]
      )
      assert.deepStrictEqual(yield* stateOf(key), { state: "done", attempt: 1 })
    })
  )
})

describe("a row that somebody's open transaction holds", () => {
  story(
    "keeps the reaper from no other, also where its own call is to be called over",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const first = yield* claimed(key, { doubtAfterMillis: -1 })
      yield* ledger.apply(key, happened, yield* Identifiers.ordered)
      const silent = yield* claimed(keyOf("2"), { worker: first.worker, doubtAfterMillis: -1 })
      const { letGo } = yield* holding(
        (sql) => sql`SELECT 1 FROM fibric.ledger WHERE key_hash = ${key.hash} FOR UPDATE`
      )
      const reaped = yield* ledger.reap(yield* freshIds(5))
      assert.deepStrictEqual(
        reaped.map((receipt) => receipt.key),
        [silent.key.label]
      )
      yield* letGo
    })
  )
})
