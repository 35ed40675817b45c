/**
 * The keeper: seals until there is nothing left, again and again, in smaller ranges where one took too long,
 * and leaves alone what its role may not do.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, References } from "effect"
import { TestClock } from "effect/testing"
import { LedgerUnavailable, Settings } from "fibric"
import * as Keeper from "../../src/kernel/Keeper.ts"
import { Retention } from "../../src/kernel/Retention.ts"
import { Seals } from "../../src/kernel/Seals.ts"

/** Seals and months that answer as a test says, and what the keeper asked and told. */
const keeping = (answers: {
  readonly allowed: boolean
  ranges: number
  failures: number
  readonly dies?: boolean
}) => {
  const asked: Array<string> = []
  const told: Array<string> = []
  const failed = new LedgerUnavailable({ operation: "seal", reason: "no answer within 15000 ms" })
  const seals = Seals.of({
    maySeal: Effect.sync(() => answers.allowed),
    sealNext: (afterMillis, most) =>
      Effect.suspend(() => {
        asked.push(`seal ${afterMillis} ${most}`)
        if (answers.failures-- > 0) return answers.dies === true ? Effect.die(failed) : Effect.fail(failed)
        return Effect.succeed(
          answers.ranges-- > 0 ? { number: 1, rows: 2, receipts: 3, folded: 1 } : undefined
        )
      }),
    head: Effect.die("not asked for"),
    verify: () => Effect.die("not asked for")
  })
  const retention = Retention.of({
    mayMakeMonths: Effect.sync(() => answers.allowed),
    makeMonths: (ahead) => Effect.sync(() => (asked.push(`months ${ahead}`), [])),
    purge: () => Effect.die("not asked for")
  })
  const layer = Keeper.layer.pipe(
    Layer.provide([Layer.succeed(Seals, seals), Layer.succeed(Retention, retention)]),
    Layer.provide([
      Settings.layer({ sealMillis: 300_000 }),
      Logger.layer([Logger.make(({ message }) => void told.push(String(message)))]),
      Layer.succeed(References.MinimumLogLevel, "Trace")
    ])
  )
  const run = (minutes: number) =>
    Effect.scoped(Effect.andThen(Layer.build(layer), TestClock.adjust(`${minutes} minutes`)))
  return { asked, told, run }
}

describe("the keeper", () => {
  it.effect("seals range after range until there is none, and looks again later", () =>
    Effect.gen(function* () {
      const { asked, run, told } = keeping({ allowed: true, ranges: 2, failures: 0 })
      yield* run(1)
      const seal = "seal 300000 20000"
      assert.deepStrictEqual(
        asked.filter((one) => one.startsWith("seal")),
        [seal, seal, seal, seal]
      )
      assert.deepStrictEqual(told, ["fibric.sealed", "fibric.sealed"])
      assert.include(asked, "months 3")
    })
  )

  it.effect("tries a smaller range after one that failed, and grows again", () =>
    Effect.gen(function* () {
      const { asked, run, told } = keeping({ allowed: true, ranges: 3, failures: 2 })
      yield* run(2)
      assert.deepStrictEqual(
        asked.filter((one) => one.startsWith("seal")),
        [20_000, 5_000, 1_250, 2_500, 5_000, 10_000].map((most) => `seal 300000 ${most}`)
      )
      assert.deepStrictEqual(told.slice(0, 2), ["fibric.seal.failed", "fibric.seal.failed"])
    })
  )

  it.effect("says so and goes on where sealing ends in a bug", () =>
    Effect.gen(function* () {
      const keeper = keeping({ allowed: true, ranges: 1, failures: 1, dies: true })
      yield* keeper.run(2)
      assert.deepStrictEqual(keeper.told, ["fibric.seal.failed", "fibric.sealed"])
    })
  )

  it.effect("does nothing and says nothing where its role may not", () =>
    Effect.gen(function* () {
      const { asked, run, told } = keeping({ allowed: false, ranges: 9, failures: 0 })
      yield* run(60)
      assert.deepStrictEqual([asked, told], [[], []])
    })
  )
})
