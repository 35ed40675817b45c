/**
 * history: what the ledger says about a key at an instant, read off the times of its claims and of the
 * receipts of its transitions.
 */
import type { Outcome } from "../../../src/domain/Receipt.ts"
import { labelOf } from "../Wish.ts"
import { type Attempt, by, type Receipt, type Record } from "./Record.ts"

/** What became of a request that moved no key. */
const repeats: ReadonlySet<Outcome> = new Set<Outcome>([
  "deduplicated",
  "joined",
  "superseded",
  "conflict",
  "denied",
  "expired",
  "saturated"
])

export const isRepeat = ({ outcome }: Pick<Receipt, "outcome">): boolean => repeats.has(outcome)

export type Moment =
  | { readonly _tag: "Claimed"; readonly at: number; readonly attempt: Attempt }
  | { readonly _tag: "Moved"; readonly at: number; readonly receipt: Receipt }

export interface Histories {
  /** All that moved a key, in order. */
  readonly of: (key: string) => ReadonlyArray<Moment>
  /** The last of it up to an instant. */
  readonly at: (key: string, at: number) => Moment | undefined
}

/** Two clocks of one machine, and a claim beside the settlement that it waited for. */
const toleranceMillis = 5

export const make = ({ attempts, receipts }: Pick<Record, "attempts" | "receipts">): Histories => {
  const moments = by<Moment>(
    [
      ...attempts.map((attempt): Moment => ({ _tag: "Claimed", at: attempt.claimedAt, attempt })),
      ...receipts
        .filter((receipt) => !isRepeat(receipt))
        .map((receipt): Moment => ({ _tag: "Moved", at: receipt.at, receipt }))
    ].sort((a, b) => a.at - b.at),
    (moment) => (moment._tag === "Claimed" ? moment.attempt.key : moment.receipt.key)
  )
  const of = (key: string) => moments.get(key) ?? []
  return { of, at: (key, at) => of(key).findLast((moment) => moment.at <= at + toleranceMillis) }
}

/**
 * Orders that arrived after their attempt had been called doubtful: processes that woke up, or were late.
 * No violation, and what this net is there to see the consequences of.
 */
export const sentAfterDoubt = ({ orders, receipts }: Pick<Record, "orders" | "receipts">): number => {
  const doubts = new Map(
    receipts
      .filter(({ outcome }) => outcome === "in_doubt")
      .map(({ at, attempt, key }) => [`${key} ${attempt}`, at])
  )
  return orders.filter((order) => {
    const doubtfulAt = doubts.get(`${labelOf(order)} ${order.attempt}`)
    return doubtfulAt !== undefined && doubtfulAt < order.arrivedAt
  }).length
}
