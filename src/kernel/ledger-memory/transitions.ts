/**
 * transitions: what happens to a key in memory, as `lifecycle` decides it.
 */
import { DateTime } from "effect"
import type { Receipt } from "../../domain/Receipt.ts"
import type { Applied } from "../Ledger.ts"
import { decide } from "../lifecycle/Decision.ts"
import type { Event } from "../lifecycle/KeyRow.ts"
import { append, hex, isAlive, marked, planned, type Row, settledBefore, type Store, utc } from "./Store.ts"

export const applyIn = (
  store: Store,
  row: Row | undefined,
  event: Event,
  receiptId: string,
  now: number
): Applied => {
  const again = settledBefore(store, receiptId)
  if (again !== undefined) return again
  if (row === undefined) return { _tag: "Refused", why: "unknown_key", found: "no such key" }
  const decision = decide(row, event, now)
  if (decision._tag === "Refuse") {
    const { refusal } = decision
    return refusal.why === "too_early"
      ? { _tag: "Refused", why: refusal.why, notBefore: DateTime.makeUnsafe(refusal.notBeforeMillis) }
      : { _tag: "Refused", why: refusal.why, found: `${row.state}, attempt ${row.current.attempt}` }
  }
  const { callOpen, markings, plan } = decision
  const next: Row = { ...marked(row, markings), callOpen, ...(plan === undefined ? {} : planned(plan, now)) }
  if (decision._tag === "Keep") {
    store.rows.set(hex(row.key.hash), next)
    return { _tag: "Kept" }
  }
  const checkAfter = utc(next.checkAtMillis)
  const receipt = append(store, row.key, now, { ...decision.statement, id: receiptId, count: 1, checkAfter })
  const standing = decision.stands ? { state: decision.to, sinceMillis: now, receipt } : {}
  store.rows.set(hex(row.key.hash), { ...next, ...standing })
  return { _tag: "Settled", receipt }
}

export const reapIn = (store: Store, ids: ReadonlyArray<string>, now: number): ReadonlyArray<Receipt> => {
  for (const [hash, row] of store.rows) {
    if (row.callOpen && row.doubtAtMillis <= now) store.rows.set(hash, { ...row, callOpen: false })
  }
  const silent = [...store.rows.values()].filter(
    (row) =>
      (row.state === "performing" && (row.doubtAtMillis <= now || !isAlive(store, row.worker, now))) ||
      (row.state === "in_doubt" && row.current.recovery._tag === "Transactional")
  )
  return silent.slice(0, ids.length).flatMap((row, index) => {
    const applied = applyIn(store, row, { _tag: "Silence" }, ids[index] ?? "", now)
    return applied._tag === "Settled" ? [applied.receipt] : []
  })
}
