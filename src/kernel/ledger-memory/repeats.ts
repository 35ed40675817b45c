/**
 * repeats: requests that caused nothing, written down in memory.
 */
import type { Batch, Recorded } from "../Ledger.ts"
import { hex } from "../../domain/Digest.ts"
import { append, type Store } from "./Store.ts"

export const recordIn = (store: Store, { id, notAfterMillis, repeats }: Batch, now: number): Recorded => {
  if (!store.batches.has(id) && now >= notAfterMillis) return { _tag: "TooLate" }
  store.batches.add(id)
  const receipts = repeats.map((repeat) =>
    append(store, repeat.key, now, {
      ...repeat,
      id: repeat.receiptId,
      attempt: store.rows.get(hex(repeat.key.hash))?.current.attempt ?? 0,
      durationMillis: null,
      proof: null,
      body: null,
      checkAfter: null
    })
  )
  return { _tag: "Recorded", receipts }
}
