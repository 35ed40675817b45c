/**
 * The orders keep every law, wherever their transaction's connection is cut.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { orders } from "./orders-subject.ts"

describe("the orders connector", () => {
  it.live(
    "keeps every law at every cut of its transaction's conversation with a real Postgres",
    () =>
      Effect.gen(function* () {
        const report = yield* orders.report
        Laws.expectLawful(report)
        // A login, the statements, the commit, each with its answer.
        assert.isAtLeast(report.trials, 100)
        assert.isAtLeast(report.cuts, report.trials * 0.9)
        assert.deepStrictEqual(
          Laws.tally(report).map(({ outcome }) => outcome),
          Laws.lawNames.map(() => "held")
        )
      }),
    180_000
  )
})
