/**
 * along: a settlement that takes its entity's next claim along, over the store.
 */
import { hex } from "../../domain/Digest.ts"
import type { Claim, KeyName, SettledAlong, Settlement } from "../Ledger.ts"
import { claimIn } from "./claims.ts"
import { othersWait } from "./line.ts"
import type { Store } from "./Store.ts"
import { settleIn } from "./transitions.ts"

/** Settles, and claims along where that empties the lane in time, the key is new, and nobody else waits. */
export const settleAndClaimIn = (
  store: Store,
  settlement: Settlement,
  next: Claim,
  now: number
): SettledAlong => {
  const rowOf = ({ hash }: KeyName) => store.rows.get(hex(hash))
  const inTime = rowOf(settlement.key)?.state === "performing" && settlement.evidence._tag !== "Unknown"
  const applied = settleIn(store, settlement, now)
  const isFree = inTime && !othersWait(store, next, now) && rowOf(next.key) === undefined
  const verdict = isFree ? claimIn(store, next, now) : undefined
  return { applied, claimed: verdict?._tag === "Claimed" ? verdict : undefined }
}
