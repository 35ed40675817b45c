/**
 * Seals: sealing what was written, and finding what was tampered with.
 *
 * The ledger's memory implementation has none: what ends with the process can't be trusted for years.
 */
import { Context, type Effect } from "effect"
import type { LedgerUnavailable } from "../domain/errors.ts"
import type { Head, Sealed, Verification } from "../domain/Seal.ts"

export class Seals extends Context.Service<
  Seals,
  {
    /** Whether this role may seal. */
    readonly maySeal: Effect.Effect<boolean, LedgerUnavailable>
    /**
     * Folds alike repeats of the next range and seals it, in one commit: whole transactions that have
     * ended, of receipts older than `afterMillis`, at most about `most`. `undefined`: there is no such range
     * yet, or another process is sealing. A range is at least as wide in time as its receipts have to be
     * old, so that many who ask don't make many small ones.
     */
    readonly sealNext: (
      afterMillis: number,
      most: number
    ) => Effect.Effect<Sealed | undefined, LedgerUnavailable>
    /** The end of the chain, to be kept elsewhere. */
    readonly head: Effect.Effect<Head, LedgerUnavailable>
    /**
     * Reads all that was sealed and compares it with the chain, and the chain's end with a head that was
     * kept elsewhere. Changes nothing; needs the right to read and no other.
     */
    readonly verify: (exported?: Head) => Effect.Effect<Verification, LedgerUnavailable>
  }
>()("fibric/kernel/Seals") {}
