/**
 * Bell: tells those of this process who wait in line that their turn may have come.
 *
 * A ring that nobody waits for yet is kept for the next one who does, so that none is lost between a
 * look and a wait. Only a hint: who hears it asks the ledger.
 */
import { Deferred, Effect, Exit } from "effect"
import { hex } from "../domain/Digest.ts"
import type { Place } from "./Ledger.ts"

export interface Bell {
  readonly ring: (name: string) => void
  /** Returns at the next ring, or at once where one was kept. */
  readonly heard: (place: Place) => Effect.Effect<void>
}

/** How many rings are kept for those who do not wait yet. The oldest is forgotten first. */
const maxKept = 10_000

/** A place's name. */
export const nameOf = ({ lane, worker }: Place): string => `${hex(lane)}:${worker}`

export const make = (): Bell => {
  const waiting = new Map<string, Deferred.Deferred<void>>()
  const kept = new Set<string>()
  return {
    ring: (name) => {
      const deferred = waiting.get(name)
      if (deferred !== undefined) {
        Deferred.doneUnsafe(deferred, Exit.void)
        return
      }
      const [oldest] = kept.size < maxKept ? [] : kept
      if (oldest !== undefined) kept.delete(oldest)
      kept.add(name)
    },
    heard: (place) =>
      Effect.suspend(() => {
        const name = nameOf(place)
        if (kept.delete(name)) return Effect.void
        const deferred = waiting.get(name) ?? Deferred.makeUnsafe<void>()
        waiting.set(name, deferred)
        return Effect.ensuring(
          Deferred.await(deferred),
          Effect.sync(() => waiting.get(name) === deferred && waiting.delete(name))
        )
      })
  }
}
