/**
 * What a connector may say instead of a success or its declared refusal: that nothing was performed,
 * with proof, or that nobody can tell.
 */
import { Schema } from "effect"
import { Proof } from "./Receipt.ts"

/**
 * Proven not performed. A connector fails with it only on proof; a caller that gets it may ask again,
 * for the key is free.
 */
export class NotPerformed extends Schema.TaggedError<NotPerformed>()("NotPerformed", {
  proof: Proof,
  reason: Schema.String
}) {
  /** Nothing was performed; the same action may be asked for again. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    return `Nothing was performed (${this.proof}): ${this.reason}. The key is free; ask again when the cause is gone.`
  }
}

/**
 * For connectors: the call ended and nobody can tell whether it took effect. The key becomes in
 * doubt, exactly as after a defect or a time-out; failing with this only gives the reason a name.
 */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>()("OutcomeUnknown", {
  reason: Schema.String
}) {
  override get message() {
    return `The outcome is unknown: ${this.reason}`
  }
}
