/**
 * EventSource: what an operator watches. Something that happened, in an order that its owner keeps, each
 * with the place to read on from behind it.
 *
 * The source owns the truth about what happened and in which order; whoever reads keeps the cursor.
 */
import { type Effect, Schema } from "effect"

/** An event, and the cursor from which the source goes on after it. */
export interface Occurrence<Event> {
  readonly event: Event
  readonly cursor: string
}

/**
 * A place that was passed with nothing there to act on: the beginning of a source that has none of its own,
 * or what was left out on the way. A reader that keeps it need not read up to it again.
 */
export interface Passed {
  readonly cursor: string
}

/** Whether something happened there. */
export const isOccurrence = <Event>(entry: Occurrence<Event> | Passed): entry is Occurrence<Event> =>
  "event" in entry

/** The source could not be read now. Nothing is lost: it is read again from the same cursor. */
export class SourceUnavailable extends Schema.TaggedError<SourceUnavailable>()("SourceUnavailable", {
  source: Schema.String,
  reason: Schema.String
}) {
  /** Reading changes nothing. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    return `The events of "${this.source}" can't be read now: ${this.reason}. Nothing is lost; they are read again from the same place.`
  }
}

/** A source of events. */
export interface EventSource<Event, R = never> {
  /** The same for ever: an operator's cursor is kept under it. */
  readonly name: string
  /**
   * The events behind a cursor, the oldest first, at most `limit`; without a cursor those from the source's
   * beginning. Never skips: what may still come in before an event holds that event back. The same cursor
   * gives the same events again, as far as they were there. A place without an event only says that all
   * before it was read.
   */
  readonly read: (
    after: string | undefined,
    limit: number
  ) => Effect.Effect<ReadonlyArray<Occurrence<Event> | Passed>, SourceUnavailable, R>
  /** Returns when there may be something new. A hint; without it the source is asked from time to time. */
  readonly changed?: Effect.Effect<void, never, R>
}
