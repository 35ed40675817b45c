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
