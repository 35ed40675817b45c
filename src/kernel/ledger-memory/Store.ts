/**
 * Store: what the ledger in memory knows: rows by key, receipts in the order of writing,
 * leases. Each operation on it runs to its end before the next begins.
 */
import { hex } from "../../domain/Digest.ts"
import { DateTime } from "effect"
import type { IdempotencyKey } from "../../domain/IdempotencyKey.ts"
import { Receipt } from "../../domain/Receipt.ts"
import * as Bell from "../Bell.ts"
import type { Basis, Root, StoredState } from "../Ledger.ts"
import type { AttemptRecord, KeyRow, Marking, Plan, Statement } from "../lifecycle/KeyRow.ts"

/** An attempt with all that it was claimed for. */
export interface StoredAttempt extends AttemptRecord {
  readonly fingerprint: string
  readonly paths: Readonly<Record<string, string>>
  readonly basis: Basis | null
}

/** A key's row: what decisions read, and what they don't need. */
export interface Row extends Omit<KeyRow, "attempts" | "current" | "holdsLane" | "openSteps"> {
  readonly attempts: ReadonlyArray<StoredAttempt>
  readonly current: StoredAttempt
  readonly key: IdempotencyKey
  readonly operator: string
  /** The hash of its lane. */
  readonly lane: string
  readonly fingerprint: string
  readonly paths: Readonly<Record<string, string>>
  readonly worker: string
  readonly doubtHoldsLane: boolean
  /** It was claimed beside a doubt that holds the lane, and does not hold it itself. */
  readonly passedDoubt: boolean
  readonly basis: Basis | null
  readonly root: Root | null
  readonly request: string | null
  readonly sinceMillis: number
  readonly recoverAtMillis: number | null
  readonly checkAtMillis: number | null
}

/** An entity's state, as its last settlement left it. */
export interface EntityRow {
  readonly version: number
  readonly state: StoredState | null
}

/** A worker's place in the line for an entity. */
export interface Ticket {
  readonly worker: string
  readonly calledAtMillis: number | null
}

export interface Store {
  readonly entities: Map<string, EntityRow>
  /** In the order of their turns, by the entity's hash. */
  readonly tickets: Map<string, ReadonlyArray<Ticket>>
  readonly waiting: Map<string, { readonly worker: string; readonly inside: string; readonly awaits: string }>
  readonly bell: Bell.Bell
  readonly rows: Map<string, Row>
  /** Which repeats a batch did not write, by the batch. */
  readonly batches: Map<string, ReadonlySet<string>>
  readonly receipts: Map<string, Receipt>
  readonly receiptKeys: Map<string, IdempotencyKey>
  readonly leases: Map<string, number>
}

/** Whether a receipt of this id was written: how an operation that ran before is recognised. */
export const settledBefore = (store: Store, receiptId: string) => {
  const receipt = store.receipts.get(receiptId)
  return receipt && ({ _tag: "Settled", receipt } as const)
}

export const emptyStore = (): Store => ({
  entities: new Map(),
  tickets: new Map(),
  waiting: new Map(),
  bell: Bell.make(),
  rows: new Map(),
  batches: new Map(),
  receipts: new Map(),
  receiptKeys: new Map(),
  leases: new Map()
})

export const utc = (millis: number | null): DateTime.Utc | null =>
  millis === null ? null : DateTime.makeUnsafe(millis)

/** Whether a worker may act: its lease has not run out. */
export const isAlive = (store: Store, worker: string, now: number): boolean =>
  (store.leases.get(worker) ?? 0) > now

/** The row of an entity; one that was never changed is at version 0. */
export const entityIn = (store: Store, entityHash: string): EntityRow =>
  store.entities.get(entityHash) ?? { version: 0, state: null }

/** The row as a decision sees it. */
export const keyRowOf = (store: Store, row: Row): KeyRow => ({
  ...row,
  holdsLane:
    !row.passedDoubt && (row.state === "performing" || (row.state === "in_doubt" && row.doubtHoldsLane)),
  openSteps: [...store.rows.values()].filter(
    (other) =>
      other.root !== null &&
      hex(other.root.hash) === hex(row.key.hash) &&
      (other.state === "performing" || other.state === "in_doubt")
  ).length
})

/** The row with what was learned about its attempts. */
export const marked = (row: Row, markings: ReadonlyArray<Marking>): Row => {
  const attempts = row.attempts.map((attempt): StoredAttempt => {
    const marking = markings.find((one) => one.attempt === attempt.attempt)
    return marking === undefined ? attempt : { ...attempt, ...marking }
  })
  return { ...row, attempts, current: attempts.at(-1) ?? row.current }
}

/** The row bound to what one of its attempts was claimed for. */
export const boundTo = (row: Row, attempt: number): Row => {
  const { basis, fingerprint, paths } = row.attempts.find((one) => one.attempt === attempt) ?? row
  return { ...row, basis, fingerprint, paths }
}

/** When what is planned comes, on the ledger's clock. */
export const planned = (
  plan: Plan,
  now: number
): Pick<Row, "recoverAtMillis" | "checkAtMillis" | "recoveries"> => ({
  recoverAtMillis: plan.recoverAfterMillis === null ? null : now + plan.recoverAfterMillis,
  checkAtMillis: plan.checkAfterMillis === null ? null : now + plan.checkAfterMillis,
  recoveries: plan.recoveries
})

/** Writes a receipt; one whose id is there is given back as it was written. */
export const append = (
  store: Store,
  key: IdempotencyKey,
  now: number,
  statement: Statement & {
    readonly id: string
    readonly count: number
    readonly checkAfter: DateTime.Utc | null
  }
): Receipt => {
  const before = store.receipts.get(statement.id)
  if (before !== undefined) return before
  const receipt = new Receipt({
    ...statement,
    at: DateTime.makeUnsafe(now),
    capability: key.verb,
    key: key.label,
    entity: key.entity
  })
  store.receipts.set(receipt.id, receipt)
  store.receiptKeys.set(receipt.id, key)
  return receipt
}
