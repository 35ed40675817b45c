/**
 * The Slack connector keeps every law, wherever its conversation is cut.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { fault } from "../support/fault.ts"
import { slack } from "./slack-subject.ts"

describe("the Slack connector", () => {
  it.live(
    `${fault("library retries")} keeps every law at every cut of a post, and of the lookup after it`,
    () =>
      Effect.gen(function* () {
        const report = yield* Laws.run(slack)
        Laws.expectLawful(report)
        assert.isAtLeast(report.cuts, report.trials * 0.9)
        assert.isAtLeast(report.trials, 20)
      })
  )
})
