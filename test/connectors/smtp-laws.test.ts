/**
 * The SMTP connector keeps every law, wherever its conversation is cut.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { smtp } from "./smtp-subject.ts"

it.live(
  "keeps every law at every cut of a conversation with a mail server",
  () =>
    Effect.gen(function* () {
      const report = yield* Laws.run(smtp)
      Laws.expectLawful(report)
      assert.strictEqual(report.cuts, report.trials - 2)
      // A login, an envelope, a message and a goodbye, each with its answer.
      assert.isAtLeast(report.trials, 80)
    }),
  60_000
)
