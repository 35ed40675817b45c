/**
 * transitions: what happens to a key in memory, as `lifecycle` decides it.
 */
import { hex } from "../../domain/Digest.ts"
import { DateTime } from "effect"
import type { Receipt } from "../../domain/Receipt.ts"
import type { Applied, Settlement } from "../Ledger.ts"
import { decide } from "../lifecycle/Decision.ts"
import type { Event } from "../lifecycle/KeyRow.ts"
import { callNext } from "./line.ts"
import {
  append,
  boundTo,
  entityIn,
  isAlive,
  keyRowOf,
  marked,
  planned,
  type Row,
  settledBefore,
  type Store,
  utc
} from "./Store.ts"

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
  const decision = decide(keyRowOf(store, row), event, now)
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
  const isOver = decision.to !== "performing" && decision.to !== "in_doubt"
  const passedDoubt = row.passedDoubt && !isOver
  const bound = decision.bindsTo === null ? next : boundTo(next, decision.bindsTo)
  store.rows.set(hex(row.key.hash), { ...bound, ...standing, passedDoubt })
  if (decision.stands && decision.to === "done" && row.state !== "done") evolve(store, bound)
  if (decision.leavesLane) promote(store, row)
  callNext(store, row.lane, now)
  return { _tag: "Settled", receipt }
}

/** What an attempt's call came to. */
export const settleIn = (
  store: Store,
  { durationMillis, evidence, key, receiptId, token }: Settlement,
  now: number
): Applied =>
  applyIn(
    store,
    store.rows.get(hex(key.hash)),
    { _tag: "Evidence", token, evidence, durationMillis },
    receiptId,
    now
  )

/** What was performed changes the entity's state; a state that has moved on meanwhile is only counted up. */
const evolve = (store: Store, { basis, key }: Row): void => {
  if (basis === null || basis.becomes === null) return
  const entityHash = hex(key.entityHash)
  const before = entityIn(store, entityHash)
  const state = before.version === basis.version ? basis.becomes : before.state
  store.entities.set(entityHash, { version: before.version + 1, state })
}

/** The oldest of those that passed the doubt takes the lane over. */
const promote = (store: Store, left: Row): void => {
  const [next] = [...store.rows.values()]
    .filter(
      (row) =>
        row.lane === left.lane &&
        row.passedDoubt &&
        (row.state === "performing" || (row.state === "in_doubt" && row.doubtHoldsLane))
    )
    .sort((one, other) => one.current.claimedAtMillis - other.current.claimedAtMillis)
  if (next !== undefined) store.rows.set(hex(next.key.hash), { ...next, passedDoubt: false })
}

export const reapIn = (store: Store, ids: ReadonlyArray<string>, now: number): ReadonlyArray<Receipt> => {
  for (const [hash, row] of store.rows) {
    if (row.callOpen && row.doubtAtMillis <= now) store.rows.set(hash, { ...row, callOpen: false })
  }
  const silent = [...store.rows.values()].filter(
    (row) =>
      (row.state === "performing" && (row.doubtAtMillis <= now || !isAlive(store, row.worker, now))) ||
      (row.state === "in_doubt" &&
        (row.current.recovery._tag === "Transactional" ||
          (row.current.recovery._tag === "Replay" && keyRowOf(store, row).openSteps === 0)))
  )
  return silent.slice(0, ids.length).flatMap((row, index) => {
    const applied = applyIn(store, row, { _tag: "Silence" }, ids[index] ?? "", now)
    return applied._tag === "Settled" ? [applied.receipt] : []
  })
}
