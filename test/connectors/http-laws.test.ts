/**
 * The HTTP connector keeps every law, wherever its conversation is cut, with each recovery.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { fault } from "../support/fault.ts"
import { httpEncrypted, httpHold, httpLookup, httpResend } from "./http-subject.ts"

const lawful = Effect.fnUntraced(function* (
  trying: Effect.Effect<Laws.Report, Laws.SubjectUnfit>,
  trials: number
) {
  const report = yield* trying
  Laws.expectLawful(report)
  // All but the undisturbed call and the undisturbed refusal; sizes of encrypted packets may differ a little.
  assert.isAtLeast(report.cuts, report.trials * 0.9)
  assert.isAtLeast(report.trials, trials)
})

describe("the HTTP connector", () => {
  it.live(`${fault("library retries")} keeps every law at every cut of a request and its answer`, () =>
    lawful(Laws.run(httpHold), 20)
  )

  it.live("keeps them over TLS, from the handshake to the last byte", () =>
    lawful(Laws.run(httpEncrypted), 40)
  )

  it.live("keeps them where a doubt is sent again under its key", () => lawful(Laws.run(httpResend), 20))

  it.live("keeps them where the provider is asked what became of it", () => lawful(Laws.run(httpLookup), 20))
})
