/**
 * claims: how the ledger in memory gives a key to one attempt.
 */
import { DateTime } from "effect"
import * as Recovery from "../../domain/Recovery.ts"
import type { Claim, ClaimVerdict, EntityView, NewAttempt, Place, ResendVerdict } from "../Ledger.ts"
import { type NextAttempt, nextAttempt, timesSent } from "../lifecycle/NextAttempt.ts"
import { othersAhead, withdraw } from "./line.ts"
import { hex } from "../../domain/Digest.ts"
import { entityIn, isAlive, type Row, type Store, type StoredAttempt, utc } from "./Store.ts"

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
  if (claim.root !== null && !isCurrent(store, claim.root)) return { _tag: "RootEnded" }
  if (claim.basis !== null && entityIn(store, hex(claim.key.entityHash)).version !== claim.basis.version) {
    return { _tag: "StaleGuard" }
  }
  const obstacle = obstacleIn(store, claim.lane, claim.key)
  const passedDoubt = obstacle?._tag === "LaneHeld" && obstacle.passable && claim.passesDoubt
  if (obstacle !== undefined && !passedDoubt) return verdictOf(obstacle)
  if (othersAhead(store, claim, now)) return { _tag: "LaneBusy" }
  withdraw(store, claim)
  const { deadlineMillis, recovery } = claim
  return begin(store, claim, next, now, row?.attempts ?? [], recovery, {
    ...bindingOf(claim),
    passedDoubt,
    receipt: row?.receipt ?? null,
    verdictAfterMillis: Recovery.verdictAfterMillis(recovery, deadlineMillis),
    recoverAfterMillis: Recovery.recoverAfterMillis(recovery, 0)
  })
}

const bindingOf = ({ basis, doubtHoldsLane, fingerprint, key, operator, paths, request, root }: Claim) => ({
  basis,
  doubtHoldsLane,
  fingerprint,
  key,
  operator,
  paths,
  request,
  root
})

/** What a claim in a worker's name would meet. */
export const laneIn = (store: Store, place: Place, now: number): EntityView["lane"] => {
  const obstacle = obstacleIn(store, place.lane)
  if (obstacle !== undefined) return verdictOf(obstacle)
  return othersAhead(store, place, now) ? { _tag: "LaneBusy" } : { _tag: "LaneFree" }
}

/** Whether nothing is in flight in a lane, nor holds its lane. */
export const isFree = (store: Store, lane: Uint8Array): boolean => obstacleIn(store, lane) === undefined

const isCurrent = (store: Store, root: NonNullable<Claim["root"]>): boolean => {
  const row = store.rows.get(hex(root.hash))
  return row?.state === "performing" && row.current.token === root.token
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
  const obstacle = obstacleIn(store, attempt.lane, attempt.key)
  // What stands beside the lane is held up by what is in flight only.
  if (obstacle !== undefined && !(row.passedDoubt && obstacle._tag === "LaneHeld")) return verdictOf(obstacle)
  const { recovery } = row.current
  const recoverAfterMillis = Recovery.recoverAfterMillis(recovery, timesSent(row))
  return begin(store, attempt, next, now, row.attempts, recovery, { ...row, recoverAfterMillis })
}

const firstAttempt: NextAttempt = { attempt: 1, generation: 0, besideEarlier: false, notAfterMillis: null }

const alreadyClaimed = (row: Row | undefined, { token }: NewAttempt): ClaimVerdict | undefined =>
  row?.state === "performing" && row.current.token === token
    ? { _tag: "Claimed", attempt: row.current.attempt, generation: row.current.generation }
    : undefined

type Obstacle =
  | { readonly _tag: "LaneBusy" }
  | { readonly _tag: "LaneHeld"; readonly holder: Row; readonly passable: boolean }

/** What else is in flight in a lane, or holds it in doubt. */
const obstacleIn = (store: Store, lane: Uint8Array, key?: NewAttempt["key"]): Obstacle | undefined => {
  const own = key && hex(key.hash)
  const others = [...store.rows.entries()].filter(([hash, row]) => row.lane === hex(lane) && hash !== own)
  if (others.some(([, row]) => row.state === "performing" || row.callOpen)) return { _tag: "LaneBusy" }
  const [, holder] =
    others.find(([, row]) => row.state === "in_doubt" && row.doubtHoldsLane && !row.passedDoubt) ?? []
  // A program's doubt is a step's, which may be sent again at any time.
  const passable = holder?.current.recovery._tag !== "Replay"
  return holder && { _tag: "LaneHeld", holder, passable }
}

const verdictOf = (obstacle: Obstacle) =>
  obstacle._tag === "LaneBusy"
    ? obstacle
    : {
        _tag: obstacle._tag,
        key: obstacle.holder.key.label,
        since: DateTime.makeUnsafe(obstacle.holder.sinceMillis),
        checkAfter: utc(obstacle.holder.checkAtMillis)
      }

const begin = (
  store: Store,
  { doubtAfterMillis, key, lane, token, worker }: NewAttempt,
  { attempt, generation }: NextAttempt,
  now: number,
  earlier: ReadonlyArray<StoredAttempt>,
  recovery: Recovery.Recovery,
  binding: Pick<
    Row,
    | "key"
    | "operator"
    | "fingerprint"
    | "paths"
    | "doubtHoldsLane"
    | "passedDoubt"
    | "basis"
    | "root"
    | "request"
    | "receipt"
    | "verdictAfterMillis"
    | "recoverAfterMillis"
  >
): ClaimVerdict & { readonly _tag: "Claimed" } => {
  const { basis, fingerprint, operator, paths } = binding
  const current: StoredAttempt = {
    attempt,
    generation,
    token,
    operator,
    fingerprint,
    paths,
    basis,
    claimedAtMillis: now,
    recovery,
    evidence: null,
    refusal: null,
    effectId: null
  }
  store.rows.set(hex(key.hash), {
    ...binding,
    lane: hex(lane),
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
