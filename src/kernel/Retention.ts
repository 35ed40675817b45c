/**
 * Retention: what is made ahead of time, and what goes with time.
 *
 * A receipt never goes. Its body does, and with it the payload that was stored for its key: never while
 * the key is under way or in doubt, and the digest stays, so that seals hold.
 */
import { Context, type Effect } from "effect"
import type { LedgerUnavailable } from "../domain/errors.ts"

/** What a purge did: bodies emptied, keys whose stored payload or refusal was cleared, bodies kept for open keys. */
export interface Purged {
  readonly bodies: number
  readonly requests: number
  readonly pinned: number
}

export class Retention extends Context.Service<
  Retention,
  {
    /** Whether this role may have months made. */
    readonly mayMakeMonths: Effect.Effect<boolean, LedgerUnavailable>
    /**
     * Makes the parts of the table for this month and so many ahead, where they are missing; the names of
     * those made. Where it was not done in time, receipts go to a default part: nothing is lost.
     */
    readonly makeMonths: (ahead: number) => Effect.Effect<ReadonlyArray<string>, LedgerUnavailable>
    /** Empties what is older. Cut off in the middle it has done a part; run again it does the rest. */
    readonly purge: (olderMillis: number) => Effect.Effect<Purged, LedgerUnavailable>
  }
>()("fibric/kernel/Retention") {}
