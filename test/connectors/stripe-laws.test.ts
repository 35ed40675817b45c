/**
 * The Stripe connector keeps every law, wherever its conversation is cut, with each recovery.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { stripeLookup, stripeRefund, stripeResend } from "./stripe-subject.ts"

const lawful = Effect.fnUntraced(function* (trying: Effect.Effect<Laws.Report, Laws.SubjectUnfit>) {
  const report = yield* trying
  Laws.expectLawful(report)
  // All but the undisturbed call and the undisturbed refusal.
  assert.isAtLeast(report.cuts, report.trials * 0.9)
  assert.isAtLeast(report.trials, 20)
})

describe("the Stripe connector", () => {
  it.live("keeps every law where a payment in doubt is sent again under its key", () =>
    lawful(Laws.run(stripeResend))
  )

  it.live("keeps every law where a payment in doubt is looked for", () => lawful(Laws.run(stripeLookup)))

  it.live("keeps every law where a refund in doubt is looked for", () => lawful(Laws.run(stripeRefund)))
})
