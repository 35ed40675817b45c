/**
 * ReceiptRow: how a receipt stands in a row of `fibric.receipt_log`, read back as a `Receipt`.
 */
import { DateTime, Effect, Schema } from "effect"
import { ofLedger, Outcome, Proof, type Receipt } from "../domain/Receipt.ts"

/** A receipt's columns, under the names that every statement selects them by. */
export const ReceiptRow = Schema.Struct({
  id: Schema.String,
  at: Schema.Date,
  outcome: Outcome,
  operator: Schema.String,
  capability: Schema.String,
  key: Schema.String,
  entity_type: Schema.String,
  entity_id: Schema.String,
  attempt: Schema.Int,
  count: Schema.Int,
  refers_to: Schema.NullOr(Schema.String),
  duration_millis: Schema.NullOr(Schema.Int),
  proof: Schema.NullOr(Proof),
  reason: Schema.NullOr(Schema.String),
  body: Schema.NullOr(Schema.String),
  check_after: Schema.NullOr(Schema.Date)
})

/** A receipt's columns in SQL, in the names above. */
export const receiptColumns = `id, at, outcome, operator, capability, key, entity_type, entity_id, attempt, count,
  refers_to, duration_millis, proof, reason, body, check_after`

/** The receipt that a row states. */
export const toReceipt = (row: typeof ReceiptRow.Type): Receipt =>
  ofLedger({
    id: row.id,
    at: DateTime.fromDateUnsafe(row.at),
    outcome: row.outcome,
    operator: row.operator,
    capability: row.capability,
    key: row.key,
    entity: { type: row.entity_type, id: row.entity_id },
    attempt: row.attempt,
    count: row.count,
    refersTo: row.refers_to,
    durationMillis: row.duration_millis,
    proof: row.proof,
    reason: row.reason,
    body: row.body,
    checkAfter: row.check_after === null ? null : DateTime.fromDateUnsafe(row.check_after)
  })

/** The same for a receipt that stands beside another row's columns. */
export const receiptColumnsBeside = receiptColumns.replaceAll(/\w+/g, "receipt.$& AS receipt_$&")

/** The receipt out of such a row, where there is one. */
export const receiptBeside = (row: { readonly [column: string]: unknown }): unknown =>
  row["receipt_id"] === null
    ? null
    : Object.fromEntries(besideNames.map(([name, column]) => [name, row[column]]))

/** The columns, and what they are called beside another row's. */
const besideNames = receiptColumns.split(/,\s+/).map((name) => [name, `receipt_${name}`] as const)

const decodeRows = Schema.decodeUnknownEffect(Schema.Array(ReceiptRow))

/** Reads rows; a row that does not fit is our own bug, for the ledger alone writes them. */
export const readReceipts = (rows: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<Receipt>> =>
  Effect.map(decodeRows(rows), (decoded) => decoded.map(toReceipt)).pipe(
    Effect.catchTag("SchemaError", (error) =>
      Effect.die(`Bug: a receipt's row does not fit: ${error.message}`)
    )
  )
