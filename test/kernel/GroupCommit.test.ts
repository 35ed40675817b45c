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

/** What became of a settlement, under its own name. */
const answerTo = (receiptId: string): SettledAlong => ({
  applied: { _tag: "Refused", why: "unknown_key", found: receiptId },
  claimed: undefined
})

describe("what is written together", () => {
  it.effect("is answered to each with its own, also where those who change one state go one by one", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const batches: Array<ReadonlyArray<string>> = []
      const alone: Array<string> = []
      const grouped = yield* GroupCommit.make({
        findAll: () => Effect.succeed([]),
        claimAll: () => Effect.succeed([]),
        claim: () => Effect.succeed(claimed),
        settleAll: (endings) =>
          Effect.gen(function* () {
            const ids = endings.map(({ settlement }) => settlement.receiptId)
            batches.push(ids)
            yield* Deferred.await(gate)
            return { ended: ids.map(answerTo), areNew: false }
          }),
        settle: ({ settlement: { receiptId } }) =>
          Effect.sync(() => {
            alone.push(receiptId)
            return answerTo(receiptId)
          })
      })
      const door = keyOf("7").entityHash
      const settling = yield* Effect.forkChild(
        Effect.forEach(
          [
            ["first", null],
            ["open", door],
            ["close", door],
            ["letter", null],
            ["open again", door]
          ] as const,
          ([receiptId, stateOf]) =>
            grouped.settle({
              key: keyOf(receiptId),
              token: receiptId,
              receiptId,
              evidence: { _tag: "Unknown", reason: "no answer" },
              stateOf,
              durationMillis: 1
            }),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(
        (yield* Fiber.join(settling)).map((applied) => "found" in applied && applied.found),
        ["first", "open", "close", "letter", "open again"]
      )
      assert.deepStrictEqual(batches, [["first"], ["open", "letter"]])
      assert.deepStrictEqual(alone, ["close", "open again"])
    }).pipe(Effect.scoped)
  )

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
