/**
 * What can keep a person from letting an operator go on.
 */
import { Schema } from "effect"

/** The operator does not stand still at this event: it has gone on, or what it stands at is another one. */
export class NotStoppedThere extends Schema.TaggedError<NotStoppedThere>()("NotStoppedThere", {
  operator: Schema.String,
  source: Schema.String,
  cursor: Schema.String
}) {
  /** Asking again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
  override get message() {
    return `"${this.operator}" does not stand at the event with the cursor ${this.cursor} of "${this.source}". Nothing was skipped; its latest fibric.operator.stopped names the event that it stands at, if any.`
  }
}
