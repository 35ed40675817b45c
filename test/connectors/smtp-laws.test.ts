/**
 * The SMTP connector keeps every law, wherever its conversation is cut.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { smtp, smtpEncrypted } from "./smtp-subject.ts"
import { fault } from "../support/fault.ts"

describe("the SMTP connector", () => {
  it.live(
    `${fault("library retries")} keeps every law at every cut of a conversation with a mail server`,
    () =>
      Effect.gen(function* () {
        const report = yield* Laws.run(smtp)
        Laws.expectLawful(report)
        // All but the undisturbed call and the undisturbed refusal.
        assert.strictEqual(report.cuts, report.trials - 2)
        // A login, an envelope, a message and a goodbye, each with its answer.
        assert.isAtLeast(report.trials, 80)
      }),
    60_000
  )

  it.live(
    "keeps them over STARTTLS too",
    () =>
      Effect.gen(function* () {
        const report = yield* Laws.run(smtpEncrypted)
        Laws.expectLawful(report)
        assert.isAtLeast(report.cuts, report.trials * 0.9)
        assert.isAtLeast(report.trials, 80)
      }),
    60_000
  )
})
