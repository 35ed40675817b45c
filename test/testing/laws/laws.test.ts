/**
 * The laws: each bad habit is caught by the law that is there for it, and an honest connector keeps all.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { bad, honest } from "./habits.ts"

/** No test judges by it: some start a Postgres of their own, and all of them wait for silences. */
const patienceMillis = 180_000

describe.concurrent("an honest connector", () => {
  for (const { name, report } of honest) {
    it.live(
      `keeps every law at every cut: ${name}`,
      () =>
        Effect.gen(function* () {
          const found = yield* report
          Laws.expectLawful(found)
          // On a busy machine a silence may end before its cut.
          assert.isAtLeast(found.cuts, found.trials * 0.8)
          assert.isAtLeast(found.trials, 50)
        }),
      patienceMillis
    )
  }
})

describe.concurrent("a bad connector", () => {
  for (const { breaks, name, report } of bad) {
    it.live(
      `that is ${name} breaks ${breaks.map((law) => `"${law}"`).join(" and ")}, and no other law`,
      () =>
        Effect.gen(function* () {
          const found = yield* report
          assert.deepStrictEqual(Laws.brokenLaws(found), breaks)
          assert.throws(() => Laws.expectLawful(found), Laws.LawsBroken, breaks[0])
        }),
      patienceMillis
    )
  }
})
