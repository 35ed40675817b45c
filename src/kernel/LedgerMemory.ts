/**
 * LedgerMemory: the ledger and its receipts in this process's memory, for unit tests.
 *
 * It keeps every rule of the port and forgets everything with the process: it is no home for a
 * promise. Time is the `Clock`'s, so a `TestClock` moves its leases and doubts.
 */
import { Clock, Context, DateTime, Effect, Layer } from "effect"
import * as Identifiers from "../domain/Identifiers.ts"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import { type Outcome, Receipt } from "../domain/Receipt.ts"
import {
  type Claim,
  type ClaimVerdict,
  type Entry,
  Ledger,
  outcomeAfter,
  type Settlement,
  type SettleVerdict,
  type State,
  stateAfter,
  statementOf
} from "./Ledger.ts"
import { ReceiptLog, type Totals } from "./ReceiptLog.ts"

interface Row {
  readonly key: IdempotencyKey
  readonly entityHash: string
  readonly fingerprint: string
  readonly paths: Readonly<Record<string, string>>
  readonly state: State
  readonly attempt: number
  readonly generation: number
  readonly token: string
  readonly worker: string
  readonly operator: string
  readonly doubtHoldsLane: boolean
  readonly doubtAtMillis: number
  readonly sinceMillis: number
  readonly receipt: Receipt | null
}

/** Everything that the memory ledger knows. Each operation runs to its end before the next begins. */
interface Store {
  readonly rows: Map<string, Row>
  readonly receipts: Map<string, Receipt>
  readonly receiptKeys: Map<string, string>
  readonly leases: Map<string, number>
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** Both services over one store. */
export const layer: Layer.Layer<Ledger | ReceiptLog> = Layer.effectContext(
  Effect.gen(function* () {
    const store: Store = { rows: new Map(), receipts: new Map(), receiptKeys: new Map(), leases: new Map() }
    const pathSecret = yield* Identifiers.token
    const at = <A>(operation: (nowMillis: number) => A): Effect.Effect<A> =>
      Effect.map(Clock.currentTimeMillis, operation)
    const ledger = Ledger.of({
      pathSecret,
      find: (key) => Effect.sync(() => entryOf(store.rows.get(hex(key.hash)))),
      claim: (claim) => at((now) => claimIn(store, claim, now)),
      settle: (settlement) => at((now) => settleIn(store, settlement, now)),
      record: (repeats) =>
        at((now) =>
          repeats.map((repeat) =>
            append(store, repeat.key, now, {
              ...repeat,
              id: repeat.receiptId,
              attempt: store.rows.get(hex(repeat.key.hash))?.attempt ?? 0,
              durationMillis: null,
              proof: null,
              body: null
            })
          )
        ),
      resolveHappened: (verdict) =>
        at((now) => {
          const row = store.rows.get(hex(verdict.key.hash))
          const again = settledBefore(row, verdict.receiptId)
          if (again !== undefined) return again
          if (row?.state !== "in_doubt" || row.attempt !== verdict.attempt) return notYours
          return move(store, row, "done", now, {
            id: verdict.receiptId,
            outcome: "resolved",
            operator: verdict.operator,
            count: 1,
            refersTo: row.receipt?.id ?? null,
            durationMillis: null,
            proof: null,
            reason: verdict.reason,
            body: verdict.body
          })
        }),
      beat: (worker, leaseMillis) =>
        at((now) => {
          const expiresAt = store.leases.get(worker)
          if (expiresAt !== undefined && expiresAt <= now) return false
          store.leases.set(worker, now + leaseMillis)
          return true
        }),
      reap: (ids) => at((now) => reapIn(store, ids, now))
    })
    const log = ReceiptLog.of({
      byKey: (key) =>
        Effect.sync(() => {
          const wanted = hex(key.hash)
          return [...store.receipts.values()]
            .filter(({ id }) => store.receiptKeys.get(id) === wanted)
            .slice(0, 1_000)
        }),
      totals: (key) => Effect.sync(() => totalsIn(store, key)),
      committed: () => Effect.void
    })
    return Context.make(Ledger, ledger).pipe(Context.add(ReceiptLog, log))
  })
)

const notYours: SettleVerdict = { _tag: "NotYours" }

const entryOf = (row: Row | undefined): Entry | undefined =>
  row === undefined
    ? undefined
    : {
        state: row.state,
        attempt: row.attempt,
        fingerprint: row.fingerprint,
        paths: row.paths,
        since: DateTime.makeUnsafe(row.sinceMillis),
        receipt: row.receipt
      }

const claimIn = (store: Store, claim: Claim, now: number): ClaimVerdict => {
  const id = hex(claim.key.hash)
  const row = store.rows.get(id)
  if (row?.token === claim.token && row.state === "performing") {
    return { _tag: "Claimed", attempt: row.attempt, generation: row.generation }
  }
  if ((store.leases.get(claim.worker) ?? 0) <= now) return { _tag: "WorkerExpired" }
  const free =
    row === undefined
      ? claim.seenAttempt === 0
      : row.state === "released" && row.attempt === claim.seenAttempt
  if (!free) return { _tag: "Exists" }
  const entityHash = hex(claim.key.entityHash)
  for (const other of store.rows.values()) {
    if (other.entityHash !== entityHash) continue
    if (other.state === "performing") return { _tag: "LaneBusy" }
    if (other.state === "in_doubt" && other.doubtHoldsLane) {
      return { _tag: "LaneHeld", key: other.key.label, since: DateTime.makeUnsafe(other.sinceMillis) }
    }
  }
  const attempt = (row?.attempt ?? 0) + 1
  const generation = row === undefined ? 0 : row.generation + 1
  store.rows.set(id, {
    key: claim.key,
    entityHash,
    fingerprint: claim.fingerprint,
    paths: claim.paths,
    state: "performing",
    attempt,
    generation,
    token: claim.token,
    worker: claim.worker,
    operator: claim.operator,
    doubtHoldsLane: claim.doubtHoldsLane,
    doubtAtMillis: now + claim.doubtAfterMillis,
    sinceMillis: now,
    receipt: row?.receipt ?? null
  })
  return { _tag: "Claimed", attempt, generation }
}

const settleIn = (store: Store, settlement: Settlement, now: number): SettleVerdict => {
  const row = store.rows.get(hex(settlement.key.hash))
  const again = settledBefore(row, settlement.receiptId)
  if (again !== undefined) return again
  if (row === undefined || row.token !== settlement.token) return notYours
  const from = row.state
  const to = stateAfter(settlement.evidence)
  if (from !== "performing" && (from !== "in_doubt" || to === "in_doubt")) return notYours
  return move(store, row, to, now, {
    id: settlement.receiptId,
    outcome: outcomeAfter(from, settlement.evidence),
    operator: row.operator,
    count: 1,
    refersTo: from === "in_doubt" ? (row.receipt?.id ?? null) : null,
    durationMillis: settlement.durationMillis,
    ...statementOf(settlement.evidence)
  })
}

const reapIn = (store: Store, ids: ReadonlyArray<string>, now: number): ReadonlyArray<Receipt> => {
  const silent = [...store.rows.values()].filter(
    (row) =>
      row.state === "performing" && (row.doubtAtMillis <= now || (store.leases.get(row.worker) ?? 0) <= now)
  )
  return silent.slice(0, ids.length).flatMap((row, index) => {
    const id = ids[index]
    if (id === undefined) return []
    const reason =
      row.doubtAtMillis <= now ? "no outcome was recorded in time" : "its worker was not heard of again"
    const verdict = move(store, row, "in_doubt", now, {
      id,
      outcome: "in_doubt",
      operator: row.operator,
      count: 1,
      refersTo: null,
      durationMillis: null,
      proof: null,
      reason,
      body: null
    })
    return verdict._tag === "Settled" ? [verdict.receipt] : []
  })
}

type Statement = Pick<
  Receipt,
  | "id"
  | "outcome"
  | "operator"
  | "attempt"
  | "count"
  | "refersTo"
  | "durationMillis"
  | "proof"
  | "reason"
  | "body"
>

const settledBefore = (row: Row | undefined, receiptId: string): SettleVerdict | undefined =>
  row?.receipt?.id === receiptId ? { _tag: "Settled", receipt: row.receipt } : undefined

const move = (
  store: Store,
  row: Row,
  to: State,
  now: number,
  statement: Omit<Statement, "attempt">
): SettleVerdict => {
  const receipt = append(store, row.key, now, { ...statement, attempt: row.attempt })
  store.rows.set(hex(row.key.hash), { ...row, state: to, sinceMillis: now, receipt })
  return { _tag: "Settled", receipt }
}

const append = (store: Store, key: IdempotencyKey, now: number, statement: Statement): Receipt => {
  const before = store.receipts.get(statement.id)
  if (before !== undefined) return before
  const receipt = new Receipt({
    id: statement.id,
    at: DateTime.makeUnsafe(now),
    outcome: statement.outcome,
    operator: statement.operator,
    capability: key.verb,
    key: key.label,
    entity: key.entity,
    attempt: statement.attempt,
    count: statement.count,
    refersTo: statement.refersTo,
    durationMillis: statement.durationMillis,
    proof: statement.proof,
    reason: statement.reason,
    body: statement.body
  })
  store.receipts.set(receipt.id, receipt)
  store.receiptKeys.set(receipt.id, hex(key.hash))
  return receipt
}

const totalsIn = (store: Store, key: IdempotencyKey | undefined): Totals => {
  const wanted = key === undefined ? undefined : hex(key.hash)
  const totals: { [outcome in Outcome]?: number } = {}
  for (const receipt of store.receipts.values()) {
    if (wanted !== undefined && store.receiptKeys.get(receipt.id) !== wanted) continue
    totals[receipt.outcome] = (totals[receipt.outcome] ?? 0) + receipt.count
  }
  return totals
}
