/**
 * Background: what a runtime does again and again by itself.
 */
import { Cause, type Duration, Effect, Schedule } from "effect"
import { messageOf } from "../domain/Text.ts"
import { emit, type EventName, type FieldsOf } from "./telemetry/Events.ts"

/** The events that say of something done again and again that it failed, and why. */
type Failed = {
  [Name in EventName]: FieldsOf<Name> extends { readonly "fibric.reason": unknown }
    ? { readonly "fibric.reason": string } extends FieldsOf<Name>
      ? Name
      : never
    : never
}[EventName]

/**
 * Does it, or tells why not and goes on: what is done in the background again and again must not end with
 * one failure, nor with one row that can't be dealt with.
 */
export const orTell =
  (failed: Failed) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A | undefined, never, R> =>
    Effect.catchCause(work, (cause) =>
      Cause.hasInterrupts(cause)
        ? Effect.interrupt
        : Effect.as(emit(failed, { "fibric.reason": messageOf(Cause.squash(cause)) }), undefined)
    )

/** Does it, or tells why not, at once and again so long after each end; until the scope closes. */
export const again = <E, R>(failed: Failed, every: Duration.Input, work: Effect.Effect<unknown, E, R>) =>
  work.pipe(orTell(failed), Effect.repeat(Schedule.spaced(every)), Effect.forkScoped)
