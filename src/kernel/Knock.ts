/**
 * Knock: tells those of this process who wait for work that there may be some. Only a hint: who hears it
 * looks, and who does not hear it looks a little later.
 */
import { Deferred, Effect, Exit } from "effect"

export interface Knock {
  /** Wakes all who wait now. */
  readonly knock: Effect.Effect<void>
  /** Returns at the next knock. */
  readonly heard: Effect.Effect<void>
}

export const make = (): Knock => {
  let next = Deferred.makeUnsafe<void>()
  return {
    knock: Effect.sync(() => {
      const waiting = next
      next = Deferred.makeUnsafe<void>()
      Deferred.doneUnsafe(waiting, Exit.void)
    }),
    heard: Effect.suspend(() => Deferred.await(next))
  }
}
