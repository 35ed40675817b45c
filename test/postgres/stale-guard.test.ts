/**
 * A guard's view that another settlement changes while the claim waits, on two connections.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Ledger } from "../../src/kernel/Ledger.ts"
import { settle as runSettle } from "../../src/postgres/settle.ts"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { alive, claimed, claimOf, keyOf, performed } from "../contracts/keys.ts"
import { layerAlone, somebodyWaits } from "./support.ts"

const becomes = (n: number) => ({ shape: 0, json: JSON.stringify({ n }) })

describe("a claim whose guard saw version 1", () => {
  it.live("does not perform on it where a settlement to version 2 commits while the claim waits", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const sql = yield* PgClient.PgClient
      const worker = yield* alive
      const a = keyOf("1", "a")
      const place = { lane: a.entityHash, worker }
      yield* ledger.look(a, place)
      const first = yield* claimed(keyOf("1", "first"), {
        worker,
        basis: { version: 0, becomes: becomes(1) }
      })
      yield* ledger.settle({
        key: first.key,
        token: first.token,
        receiptId: yield* Identifiers.ordered,
        evidence: performed,
        durationMillis: 1
      })
      const second = yield* claimed(a, { worker, basis: { version: 1, becomes: becomes(2) } })
      assert.strictEqual((yield* ledger.look(a, place)).version, 1)

      // A's settlement stands, and is not committed; B's claim, on version 1, comes meanwhile.
      const receiptId = yield* Identifiers.ordered
      const b = yield* claimOf(worker, keyOf("1", "b"), { basis: { version: 1, becomes: becomes(9) } })
      const waiting = yield* sql.withTransaction(
        Effect.gen(function* () {
          const settlement = {
            key: second.key,
            token: second.token,
            receiptId,
            evidence: performed,
            durationMillis: 1,
            stateOf: second.key.entityHash
          }
          yield* runSettle(sql, { settlement, next: undefined })
          const claim = yield* Effect.forkDetach(ledger.claim(b), { startImmediately: true })
          yield* somebodyWaits
          return claim
        })
      )
      assert.deepStrictEqual(yield* Fiber.join(waiting), { _tag: "StaleGuard" })
      assert.isUndefined(yield* ledger.find(b.key))
      const { state, version } = yield* ledger.look(a, place)
      assert.deepStrictEqual({ state, version }, { state: becomes(2), version: 2 })
    }).pipe(Effect.provide(layerAlone))
  )
})
