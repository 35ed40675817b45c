/**
 * Group commit: how much shares one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import type { ClaimVerdict, SettledAlong } from "../../src/kernel/Ledger.ts"
import * as GroupCommit from "../../src/kernel/GroupCommit.ts"
import { claimOf, keyOf } from "../contracts/keys.ts"

const claimed: ClaimVerdict = { _tag: "Claimed", attempt: 1, generation: 0 }
const settled: SettledAlong = { applied: { _tag: "Kept" }, claimed: undefined }

/** Statements that say yes, and how many rows each had. The first of each waits for the gate. */
const counting = Effect.gen(function* () {
  const gate = yield* Deferred.make<void>()
  const sizes: Array<number> = []
  const all = <A, B>(rows: ReadonlyArray<A>, answer: B) =>
    Effect.suspend(() => {
      sizes.push(rows.length)
      return Effect.as(
        Deferred.await(gate),
        rows.map(() => answer)
      )
    })
  const grouped = yield* GroupCommit.make({
    findAll: (keys) => all(keys, undefined),
    claimAll: (claims) => all(claims, claimed),
    claim: () => Effect.succeed(claimed),
    settleAll: (endings) => Effect.map(all(endings, settled), (ended) => ({ ended, areNew: false })),
    settle: () => Effect.succeed(settled)
  })
  return { grouped, sizes, open: Deferred.succeed(gate, undefined) }
})

const large = JSON.stringify("x".repeat(1_000_000))

const together = Effect.fnUntraced(function* (
  count: number,
  each: (id: string) => Effect.Effect<unknown, unknown>
) {
  return yield* Effect.forkChild(
    Effect.forEach(
      Array.from({ length: count }, (_, index) => String(index)),
      each,
      { concurrency: "unbounded" }
    ),
    { startImmediately: true }
  )
})

describe("what is written together", () => {
  it.effect("is as much as fits into a statement's time: a large answer counts as many rows", () =>
    Effect.gen(function* () {
      const { grouped, open, sizes } = yield* counting
      const settling = yield* together(21, (id) =>
        grouped.settle({
          key: keyOf(id),
          token: id,
          receiptId: id,
          evidence: { _tag: "Performed", body: large, effectId: null },
          durationMillis: 1
        })
      )
      yield* open
      yield* Fiber.join(settling)
      assert.deepStrictEqual(sizes, [1, 8, 8, 4])
    }).pipe(Effect.scoped)
  )

  it.effect("and so does a large request that is stored with its claim", () =>
    Effect.gen(function* () {
      const { grouped, open, sizes } = yield* counting
      const claiming = yield* together(21, (id) =>
        Effect.flatMap(claimOf("worker", keyOf(id), { request: large }), grouped.claim)
      )
      yield* open
      yield* Fiber.join(claiming)
      assert.deepStrictEqual(sizes, [1, 8, 8, 4])
    }).pipe(Effect.scoped)
  )

  it.effect("is a thousand rows of usual size", () =>
    Effect.gen(function* () {
      const { grouped, open, sizes } = yield* counting
      const claiming = yield* together(1_100, (id) =>
        Effect.flatMap(claimOf("worker", keyOf(id)), grouped.claim)
      )
      yield* open
      yield* Fiber.join(claiming)
      assert.deepStrictEqual(sizes, [1, 1_024, 75])
    }).pipe(Effect.scoped)
  )
})
