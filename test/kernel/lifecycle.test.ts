import { assert, describe, it } from "@effect/vitest"
import * as Recovery from "../../src/domain/Recovery.ts"
import { windowEnd } from "../../src/kernel/lifecycle/About.ts"
import type { AttemptRecord, Mark } from "../../src/kernel/lifecycle/KeyRow.ts"

const recovery = Recovery.resend({ window: "1 hour", margin: "10 minutes" })
const minute = 60_000

const attempt = (number: number, claimedAtMillis: number, evidence: Mark | null): AttemptRecord => ({
  attempt: number,
  generation: 0,
  token: `token-${number}`,
  operator: "shipping",
  fingerprint: "1:aa",
  claimedAtMillis,
  recovery,
  evidence,
  refusal: null,
  effectId: null
})

/** When the window ends for a key whose first attempt came to the given evidence, claimed at 0; the second at 30 minutes. */
const endAfter = (evidence: Mark | null): number => {
  const current = attempt(2, 30 * minute, null)
  return windowEnd({ attempts: [attempt(1, 0, evidence), current], current }, recovery)
}

describe("the provider's window", () => {
  it("is counted from the first attempt that may have reached it, less the margin", () => {
    assert.strictEqual(endAfter(null), 50 * minute)
    assert.strictEqual(endAfter("unknown"), 50 * minute)
  })

  it("is not moved by somebody's word that the first attempt did not happen, nor by a refusal", () => {
    assert.strictEqual(endAfter("testimony"), 50 * minute)
    assert.strictEqual(endAfter("refused"), 50 * minute)
  })

  it("is counted from the next one where the first is proven to have sent nothing", () => {
    assert.strictEqual(endAfter("not_performed"), 80 * minute)
  })
})

describe("a resend's margin", () => {
  const marginOf = (options: Recovery.ResendOptions) => Recovery.resend(options).marginMillis

  it("is a tenth of the window and at most ten minutes, where none is given", () => {
    assert.strictEqual(marginOf({ window: "24 hours" }), 10 * minute)
    assert.strictEqual(marginOf({ window: "1 hour" }), 6 * minute)
    assert.strictEqual(marginOf({ window: "50 seconds" }), 5_000)
  })

  it("is what is given, and never less than ten seconds or the tenth of a window that is shorter", () => {
    assert.strictEqual(marginOf({ window: "1 hour", margin: "20 seconds" }), 20_000)
    assert.strictEqual(marginOf({ window: "1 hour", margin: 0 }), 10_000)
    assert.strictEqual(marginOf({ window: "50 seconds", margin: 0 }), 5_000)
  })
})
