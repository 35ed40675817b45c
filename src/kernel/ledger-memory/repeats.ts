/**
 * repeats: requests that caused nothing, written down in memory.
 */
import type { Batch, Recorded, Repeat } from "../Ledger.ts"
import { hex } from "../../domain/Digest.ts"
import { append, type Store } from "./Store.ts"

export const recordIn = (store: Store, { id, notAfterMillis, repeats }: Batch, now: number): Recorded => {
  const before = store.batches.get(id)
  if (before === undefined && now >= notAfterMillis) return { _tag: "TooLate" }
  const moved = before ?? movedIn(store, repeats)
  store.batches.set(id, moved)
  const written = repeats.filter(({ receiptId }) => !moved.has(receiptId))
  const receipts = written.map(({ attempt, count, key, operator, outcome, reason, receiptId, refersTo }) =>
    append(store, key, now, {
      id: receiptId,
      outcome,
      operator,
      attempt: attempt ?? store.rows.get(hex(key.hash))?.current.attempt ?? 0,
      count,
      refersTo,
      reason,
      durationMillis: null,
      proof: null,
      body: null,
      checkAfter: null
    })
  )
  return { _tag: "Recorded", receipts, moved: [...moved] }
}

/** Those that stand on a receipt which does not stand for its key any more. */
const movedIn = (store: Store, repeats: ReadonlyArray<Repeat>): ReadonlySet<string> =>
  new Set(
    repeats
      .filter(
        ({ key, onlyIfStands, refersTo }) =>
          onlyIfStands && store.rows.get(hex(key.hash))?.receipt?.id !== refersTo
      )
      .map(({ receiptId }) => receiptId)
  )
