import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Rounds from "../../bench/harness/Rounds.ts"
import { rounded, spread } from "../../bench/harness/statistics.ts"
import { keysOf, type Load, wishes } from "../../bench/Load.ts"

const load: Load = {
  shape: "shuffled",
  name: "b",
  requests: 1_000,
  keys: 50,
  from: 0,
  inFlight: 1,
  bursts: 1
}

describe("the rounds of a benchmark", () => {
  it.effect("keep those in which the gauge held still, and run others in place of the rest", () =>
    Effect.gen(function* () {
      const gauges = [
        [100, 86],
        [100, 84],
        [84, 100],
        [100, 100]
      ]
      const kept = yield* Rounds.run(
        { name: "A", round: (number) => Effect.succeed({ number, gauge: gauges[number] ?? [] }) },
        2
      )
      assert.deepStrictEqual(
        kept.map(({ number }) => number),
        [0, 3]
      )
    })
  )

  it.effect("end with an error where the machine is never quiet", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Rounds.run({ name: "A", round: () => Effect.succeed({ gauge: [100, 50] }) }, 2)
      )
      assert.include(error.message, "of 6 rounds only 0 were quiet enough, 2 are wanted")
    })
  )

  it("are told by their median, the least and the most", () => {
    assert.deepStrictEqual(spread([3, 1, 2]), { median: 2, min: 1, max: 3 })
    assert.deepStrictEqual(spread([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 })
    assert.strictEqual(rounded(0.123456), 0.123)
  })
})

describe("a load", () => {
  it("asks for every key equally often, in the same order each time", () => {
    const asked = wishes(load).map(({ entity }) => entity)
    assert.deepStrictEqual(
      asked,
      wishes(load).map(({ entity }) => entity)
    )
    const counts = Map.groupBy(asked, (entity) => entity)
    assert.strictEqual(counts.size, keysOf(load))
    assert.isTrue([...counts.values()].every(({ length }) => length === 20))
    assert.notDeepEqual(
      asked,
      asked.toSorted((a, b) => a.localeCompare(b))
    )
  })

  it("has other keys in each burst", () => {
    const bursts = { ...load, shape: "same", bursts: 2 } as const
    const entities = new Set([0, 1].flatMap((burst) => wishes(bursts, burst).map(({ entity }) => entity)))
    assert.deepStrictEqual([...entities], ["b.0", "b.1"])
    assert.strictEqual(keysOf(bursts), 2)
  })
})
