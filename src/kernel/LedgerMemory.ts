/**
 * LedgerMemory: the ledger and its receipts in this process's memory, for unit tests.
 *
 * It keeps every rule of the port and forgets everything with the process: it is no home for a
 * promise. It has no SQL either, so a transactional effect can't be rolled back by it. Time is the
 * `Clock`'s, so a `TestClock` moves its leases and doubts.
 */
import { Clock, Context, DateTime, Effect, Layer } from "effect"
import * as Identifiers from "../domain/Identifiers.ts"
import type { Receipt } from "../domain/Receipt.ts"
import * as Recovery from "../domain/Recovery.ts"
import {
  type Applied,
  type Claim,
  type ClaimVerdict,
  type Doubt,
  type Entry,
  Ledger,
  type NewAttempt,
  type ResendVerdict
} from "./Ledger.ts"
import {
  append,
  emptyStore,
  hex,
  isAlive,
  logOf,
  marked,
  planned,
  type Row,
  type Store,
  utc
} from "./LedgerMemoryStore.ts"
import { LedgerTransaction } from "./LedgerTransaction.ts"
import { decide } from "./lifecycle/Decision.ts"
import type { AttemptRecord, Event } from "./lifecycle/KeyRow.ts"
import { type NextAttempt, nextAttempt, recoverAfter, timesSent } from "./lifecycle/NextAttempt.ts"
import { ReceiptLog } from "./ReceiptLog.ts"
import { refusing } from "./Transaction.ts"

/** Both services over one store. */
export const layer: Layer.Layer<Ledger | ReceiptLog> = Layer.effectContext(
  Effect.gen(function* () {
    const store = emptyStore()
    const pathSecret = yield* Identifiers.token
    const at = <A>(operation: (nowMillis: number) => A): Effect.Effect<A> =>
      Effect.map(Clock.currentTimeMillis, operation)
    const rowOf = (key: { readonly hash: Uint8Array }) => store.rows.get(hex(key.hash))
    const ledger = Ledger.of({
      pathSecret,
      find: (key) => Effect.sync(() => entryOf(rowOf(key))),
      claim: (claim) => at((now) => claimIn(store, claim, now)),
      resend: (attempt) => at((now) => resendIn(store, attempt, now)),
      settle: ({ durationMillis, evidence, key, receiptId, token }) =>
        at((now) =>
          applyIn(store, rowOf(key), { _tag: "Evidence", token, evidence, durationMillis }, receiptId, now)
        ),
      apply: (key, event, receiptId) => at((now) => applyIn(store, rowOf(key), event, receiptId, now)),
      transact: ({ key, receiptId, token }, effect) =>
        Effect.gen(function* () {
          const before = rowOf(key)
          const settled = settledBefore(store, receiptId)
          if (settled !== undefined) return settled
          if (before?.current.token !== token || before.state !== "performing") return { _tag: "Fenced" }
          const { durationMillis, evidence } = yield* Effect.provideService(effect, LedgerTransaction, noSql)
          if (evidence._tag !== "Performed" && evidence._tag !== "Refused")
            return { _tag: "RolledBack", evidence }
          const row = rowOf(key)
          if (row?.current.token !== token || row.state !== "performing") return { _tag: "Fenced" }
          const event: Event = { _tag: "Evidence", token, evidence, durationMillis }
          const applied = yield* at((now) => applyIn(store, row, event, receiptId, now))
          return applied._tag === "Settled" ? applied : { _tag: "Fenced" }
        }),
      record: (repeats) =>
        at((now) =>
          repeats.map((repeat) =>
            append(store, repeat.key, now, {
              ...repeat,
              id: repeat.receiptId,
              attempt: rowOf(repeat.key)?.current.attempt ?? 0,
              durationMillis: null,
              proof: null,
              body: null,
              checkAfter: null
            })
          )
        ),
      beat: (worker, leaseMillis) =>
        at((now) => {
          const expiresAt = store.leases.get(worker)
          if (expiresAt !== undefined && expiresAt <= now) return false
          store.leases.set(worker, now + leaseMillis)
          return true
        }),
      reap: (ids) => at((now) => reapIn(store, ids, now)),
      takeDue: (capabilities, limit, leaseMillis) =>
        at((now) => {
          const due = doubtsIn(store).filter(
            (row) =>
              row.recoverAtMillis !== null &&
              row.recoverAtMillis <= now &&
              capabilities.includes(row.key.verb)
          )
          return due.slice(0, limit).map((row) => {
            store.rows.set(hex(row.key.hash), { ...row, recoverAtMillis: now + leaseMillis })
            return doubtOf(row, now)
          })
        }),
      leaveToPerson: (key, attempt) =>
        at((now) => {
          const row = rowOf(key)
          if (row?.state !== "in_doubt" || row.current.attempt !== attempt) return
          const checkAtMillis = Math.max(now, row.current.claimedAtMillis + row.verdictAfterMillis)
          store.rows.set(hex(key.hash), { ...row, recoverAtMillis: null, checkAtMillis })
        }),
      doubts: (limit) =>
        at((now) =>
          doubtsIn(store)
            .slice(0, limit)
            .map((row) => doubtOf(row, now))
        ),
      inspect: (name) =>
        Effect.sync(() =>
          [...store.rows.entries()]
            .filter(([hash, { key }]) => hash === name || key.label === name)
            .map(([, row]) => ({
              key: row.key,
              state: row.state,
              since: DateTime.makeUnsafe(row.sinceMillis),
              checkAfter: utc(row.checkAtMillis),
              receipt: row.receipt,
              attempts: row.attempts
            }))
        )
    })
    const { byKey, totals } = logOf(store)
    const log = ReceiptLog.of({
      byKey: (key) => Effect.sync(() => byKey(key)),
      totals: (key) => Effect.sync(() => totals(key)),
      committed: () => Effect.void
    })
    return Context.make(Ledger, ledger).pipe(Context.add(ReceiptLog, log))
  })
)

const noSql = refusing("The ledger in memory has no SQL: test a transactional capability on fibric/embedded.")

const entryOf = (row: Row | undefined): Entry | undefined =>
  row && {
    state: row.state,
    attempt: row.current.attempt,
    fingerprint: row.fingerprint,
    paths: row.paths,
    since: DateTime.makeUnsafe(row.sinceMillis),
    checkAfter: utc(row.checkAtMillis),
    receipt: row.receipt
  }

const claimIn = (store: Store, claim: Claim, now: number): ClaimVerdict => {
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
    recoverAfterMillis: recoverAfter(recovery, 0)
  })
}

const resendIn = (store: Store, attempt: NewAttempt, now: number): ResendVerdict => {
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
  const recoverAfterMillis = recoverAfter(recovery, timesSent(row))
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

const settledBefore = (store: Store, receiptId: string) => {
  const receipt = store.receipts.get(receiptId)
  return receipt && ({ _tag: "Settled", receipt } as const)
}

const applyIn = (
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

const reapIn = (store: Store, ids: ReadonlyArray<string>, now: number): ReadonlyArray<Receipt> => {
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

const doubtsIn = (store: Store): ReadonlyArray<Row> =>
  [...store.rows.values()]
    .filter(({ state }) => state === "in_doubt")
    .sort((one, other) => one.sinceMillis - other.sinceMillis)

const doubtOf = (row: Row, now: number): Doubt => ({
  key: row.key,
  capability: row.key.verb,
  operator: row.operator,
  attempt: row.current.attempt,
  generation: row.current.generation,
  since: DateTime.makeUnsafe(row.sinceMillis),
  reason: row.receipt?.reason ?? "no outcome was recorded",
  recovery: row.current.recovery,
  checkAfter: utc(row.checkAtMillis),
  request: row.request,
  readAtMillis: now
})
