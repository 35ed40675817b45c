/**
 * What the worker says to the process that drives it, one line of JSON for each job. A job is `Job` in
 * `asking.ts`.
 */
import { Schema } from "effect"
import { Answer } from "./asking.ts"

export const Reply = Schema.TaggedUnion({
  /** Every request of the job, with what was heard. */
  Done: { answers: Schema.Array(Answer) },
  /** The job could not be done, and why. */
  Failed: { sentence: Schema.String }
})
