/**
 * Store: what the ledger in memory knows: rows by key, receipts in the order of writing,
 * leases. Each operation on it runs to its end before the next begins.
 */
import { DateTime } from "effect"
import type { IdempotencyKey } from "../../domain/IdempotencyKey.ts"
import { type Outcome, Receipt } from "../../domain/Receipt.ts"
import type { AttemptRecord, KeyRow, Marking, Plan, Statement } from "../lifecycle/KeyRow.ts"
import type { Totals } from "../ReceiptLog.ts"

/** A key's row: what decisions read, and what they don't need. */
export interface Row extends KeyRow {
  readonly key: IdempotencyKey
  readonly entityHash: string
  readonly fingerprint: string
  readonly paths: Readonly<Record<string, string>>
  readonly worker: string
  readonly doubtHoldsLane: boolean
  readonly request: string | null
  readonly sinceMillis: number
  readonly recoverAtMillis: number | null
  readonly checkAtMillis: number | null
}

export interface Store {
  readonly rows: Map<string, Row>
  readonly receipts: Map<string, Receipt>
  readonly receiptKeys: Map<string, string>
  readonly leases: Map<string, number>
}

/** Whether a receipt of this id was written: how an operation that ran before is recognised. */
export const settledBefore = (store: Store, receiptId: string) => {
  const receipt = store.receipts.get(receiptId)
  return receipt && ({ _tag: "Settled", receipt } as const)
}

export const emptyStore = (): Store => ({
  rows: new Map(),
  receipts: new Map(),
  receiptKeys: new Map(),
  leases: new Map()
})

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

export const utc = (millis: number | null): DateTime.Utc | null =>
  millis === null ? null : DateTime.makeUnsafe(millis)

/** Whether a worker may act: its lease has not run out. */
export const isAlive = (store: Store, worker: string, now: number): boolean =>
  (store.leases.get(worker) ?? 0) > now

/** The row with what was learned about its attempts. */
export const marked = (row: Row, markings: ReadonlyArray<Marking>): Row => {
  const attempts = row.attempts.map((attempt): AttemptRecord => {
    const marking = markings.find((one) => one.attempt === attempt.attempt)
    return marking === undefined ? attempt : { ...attempt, ...marking }
  })
  return { ...row, attempts, current: attempts.at(-1) ?? row.current }
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
  store.receiptKeys.set(receipt.id, hex(key.hash))
  return receipt
}

/** The receipts of a store, read as the port says. */
export const logOf = (
  store: Store
): {
  readonly byKey: (key: IdempotencyKey) => ReadonlyArray<Receipt>
  readonly totals: (key: IdempotencyKey | undefined) => Totals
} => ({
  byKey: (key) => {
    const wanted = hex(key.hash)
    return [...store.receipts.values()]
      .filter(({ id }) => store.receiptKeys.get(id) === wanted)
      .slice(0, 1_000)
  },
  totals: (key) => {
    const wanted = key === undefined ? undefined : hex(key.hash)
    const totals: { [outcome in Outcome]?: number } = {}
    for (const receipt of store.receipts.values()) {
      if (wanted !== undefined && store.receiptKeys.get(receipt.id) !== wanted) continue
      totals[receipt.outcome] = (totals[receipt.outcome] ?? 0) + receipt.count
    }
    return totals
  }
})
