/**
 * Tail: the receipts as a live stream, in the one order in which they can be read without a gap.
 *
 * A receipt comes once every transaction before its own has ended, so that none which commits late is
 * skipped; an old open transaction therefore holds the stream back, and never makes it wrong.
 */
import { Effect, Option, Stream } from "effect"
import type { LedgerUnavailable } from "../domain/errors.ts"
import type { Change, CursorUnusable, ReceiptFilter } from "../domain/ReceiptFilter.ts"
import { maxPage, ReceiptLog } from "./ReceiptLog.ts"
import { Settings } from "./Settings.ts"

/** From where, and which. */
export interface TailOptions {
  /** `now` (the default), `start`, or the cursor of a change: it goes on after that one. */
  readonly from?: "now" | "start" | (string & {})
  readonly filter?: ReceiptFilter
}

/**
 * Every receipt from a place on, each once, for ever. Looks again after 20 to 500 ms where nothing is new.
 * Begun in the past it shows folded receipts as one with their count, and from the present on each as it
 * was written. Fails with `CursorUnusable` rather than skip or repeat.
 */
export const tail = ({ filter = {}, from = "now" }: TailOptions = {}): Stream.Stream<
  Change,
  LedgerUnavailable | CursorUnusable,
  ReceiptLog
> => {
  interface Position {
    readonly from: string
    readonly idle: number
  }
  const next = Effect.fnUntraced(function* ({ from, idle }: Position) {
    const log = yield* ReceiptLog
    const { maxPollMillis, pollMillis } = yield* Settings
    if (idle > 0) yield* Effect.sleep(Math.min(pollMillis * 2 ** Math.min(idle - 1, 10), maxPollMillis))
    const { changes, cursor, isCaughtUp } = yield* log.after(from, filter, maxPage)
    const position: Position = {
      from: cursor,
      idle: changes.length > 0 ? (isCaughtUp ? 1 : 0) : idle + 1
    }
    return [changes, Option.some(position)] as const
  })
  return Stream.paginate<Position, Change, LedgerUnavailable | CursorUnusable, ReceiptLog>(
    { from, idle: 0 },
    next
  )
}
