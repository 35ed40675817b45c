/**
 * ReceiptCursor: a place in the receipts' one order, and what had been committed when reading began there.
 *
 * Receipts are ordered by the transaction that wrote them, and by their id within it. The snapshot says
 * which foldings the reader has seen from the beginning.
 */
import { Effect, Schema } from "effect"
import { CursorUnusable } from "../domain/ReceiptFilter.ts"

const Place = Schema.Struct({
  transaction: Schema.String.check(Schema.isPattern(/^\d{1,20}$/)),
  id: Schema.String.check(Schema.isPattern(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)),
  snapshot: Schema.String.check(Schema.isPattern(/^\d{1,20}:\d{1,20}:(\d{1,20}(,\d{1,20})*)?$/))
})

/** After which receipt, and as of when. */
export type Place = typeof Place.Type

/** Before every id of a transaction. */
export const firstId = "00000000-0000-0000-0000-000000000000"

const fromText = Schema.decodeUnknownEffect(Schema.fromJsonString(Place))

export const encode = ({ id, snapshot, transaction }: Place): string =>
  Buffer.from(JSON.stringify({ transaction, id, snapshot })).toString("base64url")

export const decode = (cursor: string): Effect.Effect<Place, CursorUnusable> =>
  Effect.mapError(
    fromText(Buffer.from(cursor, "base64url").toString("utf8")),
    () => new CursorUnusable({ problem: "malformed" })
  )
