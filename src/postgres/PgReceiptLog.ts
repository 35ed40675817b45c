/**
 * PgReceiptLog: the receipts in Postgres, read for people and programs.
 */
import { Effect, Layer, Schema } from "effect"
import { Outcome } from "../domain/Receipt.ts"
import { CursorUnusable, type ReceiptFilter } from "../domain/ReceiptFilter.ts"
import { maxPage, ReceiptLog } from "../kernel/ReceiptLog.ts"
import * as ReceiptCursor from "./ReceiptCursor.ts"
import { LedgerClient } from "./LedgerClient.ts"
import { readReceipts } from "./ReceiptRow.ts"
import * as Receipts from "./receipts.ts"
import { receiptsById } from "./settle.ts"
import * as Statements from "./statements.ts"

const decodeTotals = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ outcome: Outcome, total: Schema.Int }))
)

const isId = Schema.is(Schema.String.check(Schema.isUUID()))

export const layer: Layer.Layer<ReceiptLog, never, LedgerClient> = Layer.effect(
  ReceiptLog,
  Effect.map(LedgerClient, ({ confirmed, sql }) => {
    return ReceiptLog.of({
      byKey: Effect.fn("ReceiptLog.byKey")((key) =>
        confirmed("read receipts", Effect.flatMap(Statements.receiptsByKey(sql, key), readReceipts))
      ),
      byId: Effect.fn("ReceiptLog.byId")((id) =>
        isId(id)
          ? confirmed(
              "read a receipt",
              Effect.map(Effect.flatMap(receiptsById(sql, [id]), readReceipts), ([receipt]) => receipt)
            )
          : Effect.undefined
      ),
      totals: Effect.fn("ReceiptLog.totals")((key) =>
        confirmed("read totals", Statements.totals(sql, key)).pipe(
          Effect.flatMap(decodeTotals),
          Effect.map((rows) => Object.fromEntries(rows.map(({ outcome, total }) => [outcome, total]))),
          Effect.catchTag("SchemaError", (error) =>
            Effect.die(`Bug: the totals do not fit: ${error.message}`)
          )
        )
      ),
      query: Effect.fn("ReceiptLog.query")(function* (
        filter,
        { cursor, limit = 100, order = "newest" } = {}
      ) {
        const past = cursor === undefined ? undefined : yield* ReceiptCursor.decode(cursor)
        const most = clamped(limit)
        // One more than is asked for says whether there is another page.
        const read = yield* confirmed("query", Receipts.page(sql, filter, order, most + 1, past))
        if (past !== undefined) yield* whole(past, filter, order)
        const shown = read.placed.slice(0, most)
        const last = shown.at(-1)
        const snapshot = past?.snapshot ?? read.snapshot
        return {
          receipts: shown.map(({ receipt }) => receipt),
          next: read.placed.length > most && last !== undefined ? cursorAt(last, snapshot) : null
        }
      }),
      after: Effect.fn("ReceiptLog.after")(function* (from, filter, limit) {
        const past = yield* placeOf(from)
        const most = clamped(limit)
        const read = yield* confirmed("tail", Receipts.after(sql, filter, past, most))
        yield* whole(past, filter, "oldest")
        const isCaughtUp = read.placed.length < most
        const changes = read.placed.map((placed) => ({
          receipt: placed.receipt,
          cursor: cursorAt(placed, past.snapshot)
        }))
        return {
          changes,
          isCaughtUp,
          cursor: isCaughtUp
            ? ReceiptCursor.encode({
                transaction: read.horizon,
                id: ReceiptCursor.firstId,
                snapshot: read.snapshot
              })
            : (changes.at(-1)?.cursor ?? ReceiptCursor.encode(past))
        }
      }),
      committed: () => Effect.void
    })

    /** Where a stream begins. */
    function placeOf(from: string) {
      if (from !== "start" && from !== "now") return ReceiptCursor.decode(from)
      return Effect.map(confirmed("find the present", Receipts.now(sql)), (now) =>
        from === "now" ? now : { ...now, transaction: "0" }
      )
    }

    /** Fails where what was read before a place and what comes after it have become one since. */
    function whole(place: ReceiptCursor.Place, filter: ReceiptFilter, order: "newest" | "oldest") {
      return Effect.flatMap(
        confirmed("look for foldings", Receipts.isTorn(sql, filter, place, order)),
        (isTorn) => (isTorn ? Effect.fail(new CursorUnusable({ problem: "folded" })) : Effect.void)
      )
    }
  })
)

const clamped = (limit: number): number => Math.min(Math.max(1, Math.floor(limit)), maxPage)

const cursorAt = ({ receipt, transaction }: Receipts.Placed, snapshot: string): string =>
  ReceiptCursor.encode({ transaction, id: receipt.id, snapshot })
