/**
 * Stage: where a run takes place. The plain one needs nothing; the others need something of the machine,
 * and say so where it is not there.
 */
import { Schema } from "effect"

/**
 * - `plain`: nothing special
 * - `clocks`: two of three workers have a clock that is an hour ahead or behind (Debian's `faketime`)
 * - `disk-full`: the server's disk is small, and full now and then (mounting must be permitted)
 * - `pgbouncer`: workers reach the server through a pooler in transaction mode (Debian's `pgbouncer`)
 */
export const stages = ["plain", "clocks", "disk-full", "pgbouncer"] as const
export type Stage = (typeof stages)[number]

/** What a stage needs is not there. */
export class NotRun extends Schema.TaggedError<NotRun>()("NotRun", {
  stage: Schema.Literals(stages),
  reason: Schema.String
}) {
  override get message() {
    return `not run: ${this.stage}: ${this.reason}`
  }
}
