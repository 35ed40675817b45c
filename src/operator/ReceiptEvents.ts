/**
 * ReceiptEvents: the receipts as events, for an operator that acts on what became of actions: tells somebody
 * that a key is in doubt, thanks for what was paid. In the order in which receipts can be read without a gap.
 *
 * An operator never meets the receipts of its own actions: each of them would give reason for the next.
 */
import { Effect } from "effect"
import { type EventSource, type Occurrence, type Passed, SourceUnavailable } from "../domain/EventSource.ts"
import * as Operator from "../domain/Operator.ts"
import type { Receipt } from "../domain/Receipt.ts"
import type { ReceiptFilter } from "../domain/ReceiptFilter.ts"
import { ReceiptLog } from "../kernel/ReceiptLog.ts"

export interface ReceiptsOptions {
  /** Where an operator that has read none begins. Default: `now`, with what is written after its first look. */
  readonly from?: "now" | "start"
}

const name = "receipts"

/**
 * The receipts that a filter wants. Its cursor is a place among all receipts, so that an operator whose
 * filter changes goes on where it was. A receipt comes once every transaction before its own has ended, by
 * looking again from time to time; repeats that were sealed meanwhile come as one, with their count.
 */
export const receipts = (
  filter: ReceiptFilter = {},
  { from = "now" }: ReceiptsOptions = {}
): EventSource<Receipt, ReceiptLog> => ({
  name,
  read: Effect.fnUntraced(function* (after: string | undefined, limit: number) {
    const log = yield* ReceiptLog
    const reader = yield* Operator.Current
    const { changes, cursor } = yield* Effect.mapError(
      log.after(after ?? from, filter, limit),
      ({ message }) => new SourceUnavailable({ source: name, reason: message })
    )
    const entries = changes.map(({ cursor, receipt }): Occurrence<Receipt> | Passed =>
      receipt.operator === reader ? { cursor } : { event: receipt, cursor }
    )
    // What was not wanted is passed, too: the cursor moves on although nothing comes.
    return entries.at(-1)?.cursor === cursor ? entries : [...entries, { cursor }]
  })
})
