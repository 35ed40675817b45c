/**
 * log: the receipts in memory, read as the port says. Nothing commits late here, and nothing is folded.
 */
import { Effect } from "effect"
import type { IdempotencyKey } from "../../domain/IdempotencyKey.ts"
import type { Outcome, Receipt } from "../../domain/Receipt.ts"
import { accepts, CursorUnusable, type ReceiptFilter } from "../../domain/ReceiptFilter.ts"
import { maxPage, ReceiptLog, type Totals } from "../ReceiptLog.ts"
import { hex } from "../../domain/Digest.ts"
import { type Store } from "./Store.ts"

/** A receipt with its place in the order of writing, from 0. */
interface Placed {
  readonly place: number
  readonly receipt: Receipt
}

export const logOf = (store: Store): ReceiptLog["Service"] => {
  const of = (key: IdempotencyKey): ReadonlyArray<Receipt> =>
    [...store.receipts.values()].filter(({ id }) => {
      const own = store.receiptKeys.get(id)
      return own !== undefined && hex(own.hash) === hex(key.hash)
    })

  const totals = (receipts: Iterable<Receipt>): Totals => {
    const sums: { [outcome in Outcome]?: number } = {}
    for (const { count, outcome } of receipts) sums[outcome] = (sums[outcome] ?? 0) + count
    return sums
  }

  /** What is wanted, of the first `end` receipts. */
  const wanted = (filter: ReceiptFilter, end: number): ReadonlyArray<Placed> =>
    [...store.receipts.values()]
      .slice(0, end)
      .map((receipt, place) => ({ receipt, place }))
      .filter(({ receipt }) => {
        const key = store.receiptKeys.get(receipt.id)
        return key !== undefined && accepts(filter, receipt, key)
      })

  return ReceiptLog.of({
    byKey: (key) => Effect.sync(() => of(key).slice(0, maxPage)),
    byId: (id) => Effect.sync(() => store.receipts.get(id)),
    totals: (key) => Effect.sync(() => totals(key === undefined ? store.receipts.values() : of(key))),
    query: Effect.fnUntraced(function* (filter, { cursor, limit = 100, order = "newest" } = {}) {
      const past = cursor === undefined ? undefined : yield* decode(cursor)
      const end = past?.end ?? store.receipts.size
      const all = wanted(filter, end)
      const inOrder = order === "newest" ? all.toReversed() : all
      const left = inOrder.filter(
        ({ place }) => past === undefined || (order === "newest" ? place < past.place : place > past.place)
      )
      const shown = left.slice(0, clamped(limit))
      const last = shown.at(-1)
      return {
        receipts: shown.map(({ receipt }) => receipt),
        next: left.length > shown.length && last !== undefined ? encode({ place: last.place, end }) : null
      }
    }),
    after: Effect.fnUntraced(function* (from, filter, limit) {
      const end = store.receipts.size
      const past =
        from === "now"
          ? end - 1
          : from === "start"
            ? -1
            : yield* Effect.map(decode(from), ({ place }) => place)
      const left = wanted(filter, end).filter(({ place }) => place > past)
      const shown = left.slice(0, clamped(limit))
      const changes = shown.map(({ place, receipt }) => ({ receipt, cursor: encode({ place, end }) }))
      const isCaughtUp = shown.length === left.length
      const last = isCaughtUp ? Math.max(past, end - 1) : (shown.at(-1)?.place ?? past)
      return { changes, isCaughtUp, cursor: encode({ place: last, end }) }
    }),
    committed: () => Effect.void
  })
}

const clamped = (limit: number): number => Math.min(Math.max(1, Math.floor(limit)), maxPage)

interface Place {
  readonly place: number
  /** How many receipts there were when reading began. */
  readonly end: number
}

const encode = ({ end, place }: Place): string => `${place}/${end}`

const decode = (cursor: string): Effect.Effect<Place, CursorUnusable> => {
  const [, place, end] = /^(-?\d{1,15})\/(\d{1,15})$/.exec(cursor) ?? []
  return place === undefined || end === undefined
    ? Effect.fail(new CursorUnusable({ problem: "malformed" }))
    : Effect.succeed({ place: Number(place), end: Number(end) })
}
