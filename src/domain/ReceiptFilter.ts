/**
 * ReceiptFilter: which receipts somebody wants to see. What is not named is not filtered by.
 */
import { DateTime, Schema } from "effect"
import * as Entity from "./Entity.ts"
import type { IdempotencyKey } from "./IdempotencyKey.ts"
import type { Outcome, Receipt } from "./Receipt.ts"

export interface ReceiptFilter {
  /** A key's label as people read it, which two keys can share, or its hash in hexadecimal. */
  readonly key?: string | undefined
  /** An entity's label, `type-id`. */
  readonly entity?: string | undefined
  readonly operator?: string | undefined
  readonly capability?: string | undefined
  readonly outcomes?: ReadonlyArray<Outcome> | undefined
  /** Written at this instant or later, by the ledger's clock. */
  readonly since?: DateTime.Utc | undefined
  /** Written before this instant. */
  readonly until?: DateTime.Utc | undefined
}

/** Whether a name is a key's hash, and not its label. */
export const isKeyHash = (name: string): boolean => /^[0-9a-f]{64}$/i.test(name)

/** The entities that have a label, for two can share one. */
export const entitiesOf = (label: string): ReadonlyArray<Entity.EntityAddress> =>
  [...label.matchAll(/-/g)]
    .map(({ index }) => ({ type: label.slice(0, index), id: label.slice(index + 1) }))
    .filter(({ id, type }) => type !== "" && id !== "")

/** Whether a receipt is wanted. */
export const accepts = (filter: ReceiptFilter, receipt: Receipt, key: IdempotencyKey): boolean =>
  (filter.key === undefined ||
    filter.key === receipt.key ||
    filter.key.toLowerCase() === Buffer.from(key.hash).toString("hex")) &&
  (filter.entity === undefined || filter.entity === Entity.label(receipt.entity)) &&
  (filter.operator === undefined || filter.operator === receipt.operator) &&
  (filter.capability === undefined || filter.capability === receipt.capability) &&
  (filter.outcomes === undefined || filter.outcomes.includes(receipt.outcome)) &&
  (filter.since === undefined || !DateTime.isLessThan(receipt.at, filter.since)) &&
  (filter.until === undefined || DateTime.isLessThan(receipt.at, filter.until))

/** A page of receipts, and the cursor of the next one; `null` where there is none. */
export interface Page {
  readonly receipts: ReadonlyArray<Receipt>
  readonly next: string | null
}

/** A receipt of a stream, and the cursor from which the stream goes on after it. */
export interface Change {
  readonly receipt: Receipt
  readonly cursor: string
}

/**
 * The place to read on from can't be used.
 *
 * - `malformed`: it is no cursor of this ledger
 * - `folded`: repeats around it were folded into one receipt while it was kept; some of them were read
 *   before, so that reading on would count them twice or not at all. Read again from the start of a range.
 */
export class CursorUnusable extends Schema.TaggedError<CursorUnusable>()("CursorUnusable", {
  problem: Schema.Literals(["malformed", "folded"])
}) {
  override get message() {
    return this.problem === "malformed"
      ? "This is no cursor of this ledger. Nothing was read; give the one that the page or the stream gave before, or none to begin anew."
      : "Repeats around this cursor were folded into one receipt since it was given, and some of them were read before. Nothing was read; begin anew, or from an earlier cursor, and count what you have from there on once."
  }
}
