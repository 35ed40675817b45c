/**
 * Settled: a bounded memory of keys that are done, so that a repeat needs no look at the ledger.
 *
 * Done is the one state that nothing leads out of: what is remembered stays true. It is forgotten after a
 * while all the same, so that a body which is purged from the ledger is gone everywhere soon.
 */
import type { Receipt } from "../domain/Receipt.ts"
import { elapsedMillis } from "./Stopwatch.ts"

/** How many keys are remembered, and how many characters of bodies. Then the oldest are forgotten. */
const maxKeys = 16_384
const maxCharacters = 16 * 1_024 * 1_024

/** For how long. */
const maxAgeMillis = 60_000

interface Remembered {
  readonly fingerprint: string
  readonly wording: string
  readonly receipt: Receipt
  readonly atNanos: bigint
}

/** A request as it is remembered: its key's name, what it is bound to, and in which words. */
interface Named {
  readonly name: string
  readonly fingerprint: string
  readonly wording: string
}

export const make = () => {
  const known = new Map<string, Remembered>()
  let characters = 0

  const forget = (name: string, { receipt }: Remembered): void => {
    known.delete(name)
    characters -= receipt.body?.length ?? 0
  }

  /** A receipt that has done its key. Any other is not remembered. */
  const remember = ({ fingerprint, name, wording }: Named, receipt: Receipt, nowNanos: bigint): void => {
    if (receipt.outcome !== "performed" && receipt.outcome !== "resolved") return
    const before = known.get(name)
    if (before !== undefined) forget(name, before)
    known.set(name, { fingerprint, wording, receipt, atNanos: nowNanos })
    characters += receipt.body?.length ?? 0
    for (const [oldest, entry] of known) {
      if (known.size <= maxKeys && characters <= maxCharacters) break
      forget(oldest, entry)
    }
  }

  /** The receipt that stands for the key, where it is remembered and bound to the same, in the same words. */
  const recall = ({ fingerprint, name, wording }: Named, nowNanos: bigint): Receipt | undefined => {
    const entry = known.get(name)
    if (entry?.fingerprint !== fingerprint || entry.wording !== wording) return undefined
    if (elapsedMillis(entry.atNanos, nowNanos) <= maxAgeMillis) return entry.receipt
    forget(name, entry)
    return undefined
  }

  return { remember, recall }
}
