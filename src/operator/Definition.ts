/**
 * Definition: an operator as it is written down. Whom it watches, and what it proposes for an event: a
 * sentence about intentions, with no retry, no memory of what it has done and no notion of time-outs.
 */
import { DateTime, Duration } from "effect"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import type { EventSource } from "../domain/EventSource.ts"

/** An action that is not to be delivered yet. */
export type Delayed =
  | { readonly _tag: "Later"; readonly action: Action<Capability.Any>; readonly delay: Duration.Duration }
  | { readonly _tag: "NotBefore"; readonly action: Action<Capability.Any>; readonly at: DateTime.Utc }

/**
 * What an event gives reason for: an action, several in order, or none, which is the empty list: a `return`
 * that was forgotten must not pass for an answer.
 */
export type Proposed = One | ReadonlyArray<One>

/** One of them: at once, or not yet. */
export type One = Action<Capability.Any> | Delayed

/**
 * A named reader of a source that proposes actions for its events. `propose` is a method so that an
 * operator of any event is assignable to `Operator<never>`.
 */
export interface Operator<Event, R = never> {
  readonly name: string
  readonly watch: EventSource<Event, R>
  readonly pollMillis: number
  readonly batch: number
  propose(event: Event): Proposed
}

/** What an operator is made of. */
export interface Options<Event, R> {
  readonly watch: EventSource<Event, R>
  /**
   * The actions that an event gives reason for. Pure: it is asked again for the same event after a crash,
   * and beside another replica. What it can't read, it may answer with nothing; where it throws, the operator
   * stops at the event.
   */
  readonly propose: (event: Event) => Proposed
  /** The longest pause between two looks at the source while nothing is new. Default: 1 second. */
  readonly poll?: Duration.Input
  /** How many events are read, and proposed for in one commit, at most. Default: 100. */
  readonly batch?: number
}

/**
 * Declares an operator. Its name stands on every receipt; together with the source's name it names the place
 * up to which has been read, so that a second meaning needs a second name.
 */
export const make = <Event, R = never>(name: string, options: Options<Event, R>): Operator<Event, R> => {
  const { batch = 100, poll = "1 second", propose, watch } = options
  return Object.freeze({
    name,
    watch,
    propose,
    pollMillis: Math.max(1, Duration.toMillis(poll)),
    batch: Math.max(1, Math.floor(batch))
  })
}

/**
 * The action so long after it is proposed, which is when its event is read. It waits in the outbox, over
 * restarts, and its guard is asked when it is due, against what is then.
 */
export const later = (action: Action<Capability.Any>, delay: Duration.Input): Delayed => ({
  _tag: "Later",
  action,
  delay: Duration.fromInputUnsafe(delay)
})

/** The action not before an instant, such as two days after the one that the event itself names. */
export const notBefore = (action: Action<Capability.Any>, at: DateTime.DateTime): Delayed => ({
  _tag: "NotBefore",
  action,
  at: DateTime.toUtc(at)
})
