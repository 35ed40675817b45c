/**
 * claims: how the ledger in memory gives a key to one attempt.
 */
import { DateTime } from "effect"
import * as Recovery from "../../domain/Recovery.ts"
import type { Claim, ClaimVerdict, NewAttempt, ResendVerdict } from "../Ledger.ts"
import type { AttemptRecord } from "../lifecycle/KeyRow.ts"
import { type NextAttempt, nextAttempt, timesSent } from "../lifecycle/NextAttempt.ts"
import { hex, isAlive, type Row, type Store, utc } from "./Store.ts"

export const claimIn = (store: Store, claim: Claim, now: number): ClaimVerdict => {
  const row = store.rows.get(hex(claim.key.hash))
  const mine = alreadyClaimed(row, claim)
  if (mine !== undefined) return mine
  if (!isAlive(store, claim.worker, now)) return { _tag: "WorkerExpired" }
  const next =
    row === undefined
      ? claim.seenAttempt === 0 && firstAttempt
      : nextAttempt(row, { seenAttempt: claim.seenAttempt, from: "released" }, now)
  if (typeof next !== "object") return { _tag: "Exists" }
  const obstacle = obstacleIn(store, claim)
  if (obstacle !== undefined) return obstacle
  const { deadlineMillis, doubtHoldsLane, fingerprint, key, operator, paths, recovery, request } = claim
  const binding = {
    key,
    operator,
    fingerprint,
    paths,
    doubtHoldsLane,
    request,
    receipt: row?.receipt ?? null
  }
  return begin(store, claim, next, now, row?.attempts ?? [], recovery, {
    ...binding,
    verdictAfterMillis: Recovery.verdictAfterMillis(recovery, deadlineMillis),
    recoverAfterMillis: Recovery.recoverAfterMillis(recovery, 0)
  })
}

export const resendIn = (store: Store, attempt: NewAttempt, now: number): ResendVerdict => {
  const row = store.rows.get(hex(attempt.key.hash))
  const mine = alreadyClaimed(row, attempt)
  if (mine !== undefined) return mine
  if (!isAlive(store, attempt.worker, now)) return { _tag: "WorkerExpired" }
  if (row === undefined) return { _tag: "Exists" }
  const next = nextAttempt(row, { seenAttempt: attempt.seenAttempt, from: "in_doubt" }, now)
  if (next === "exists") return { _tag: "Exists" }
  if (next === "exhausted") return { _tag: "Exhausted" }
  const obstacle = obstacleIn(store, attempt)
  if (obstacle !== undefined) return obstacle
  const { recovery } = row.current
  const recoverAfterMillis = Recovery.recoverAfterMillis(recovery, timesSent(row))
  return begin(store, attempt, next, now, row.attempts, recovery, { ...row, recoverAfterMillis })
}

const firstAttempt: NextAttempt = { attempt: 1, generation: 0, besideEarlier: false, notAfterMillis: null }

const alreadyClaimed = (row: Row | undefined, { token }: NewAttempt): ClaimVerdict | undefined =>
  row?.state === "performing" && row.current.token === token
    ? { _tag: "Claimed", attempt: row.current.attempt, generation: row.current.generation }
    : undefined

/** What else of the entity is in flight, or holds its lane in doubt. */
const obstacleIn = (store: Store, { key }: NewAttempt): ClaimVerdict | undefined => {
  const entityHash = hex(key.entityHash)
  const others = [...store.rows.entries()].filter(
    ([hash, row]) => row.entityHash === entityHash && hash !== hex(key.hash)
  )
  if (others.some(([, row]) => row.state === "performing" || row.callOpen)) return { _tag: "LaneBusy" }
  const [, holder] = others.find(([, row]) => row.state === "in_doubt" && row.doubtHoldsLane) ?? []
  return (
    holder && {
      _tag: "LaneHeld",
      key: holder.key.label,
      since: DateTime.makeUnsafe(holder.sinceMillis),
      checkAfter: utc(holder.checkAtMillis)
    }
  )
}

const begin = (
  store: Store,
  { doubtAfterMillis, key, token, worker }: NewAttempt,
  { attempt, generation }: NextAttempt,
  now: number,
  earlier: ReadonlyArray<AttemptRecord>,
  recovery: Recovery.Recovery,
  binding: Pick<
    Row,
    | "key"
    | "operator"
    | "fingerprint"
    | "paths"
    | "doubtHoldsLane"
    | "request"
    | "receipt"
    | "verdictAfterMillis"
    | "recoverAfterMillis"
  >
): ClaimVerdict => {
  const current: AttemptRecord = {
    attempt,
    generation,
    token,
    claimedAtMillis: now,
    recovery,
    evidence: null,
    refusal: null,
    effectId: null
  }
  store.rows.set(hex(key.hash), {
    ...binding,
    entityHash: hex(key.entityHash),
    state: "performing",
    attempts: [...earlier, current],
    current,
    worker,
    doubtAtMillis: now + doubtAfterMillis,
    recoveries: 0,
    callOpen: false,
    sinceMillis: now,
    recoverAtMillis: null,
    checkAtMillis: null
  })
  return { _tag: "Claimed", attempt, generation }
}
