/**
 * PgReceiptLog: the receipts in Postgres, read for people and programs.
 */
import { Effect, Layer, Schema } from "effect"
import { Outcome } from "../domain/Receipt.ts"
import { ReceiptLog } from "../kernel/ReceiptLog.ts"
import { LedgerClient } from "./LedgerClient.ts"
import { readReceipts } from "./ReceiptRow.ts"
import * as Statements from "./statements.ts"

const decodeTotals = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ outcome: Outcome, total: Schema.Int }))
)

export const layer: Layer.Layer<ReceiptLog, never, LedgerClient> = Layer.effect(
  ReceiptLog,
  Effect.map(LedgerClient, ({ confirmed, sql }) =>
    ReceiptLog.of({
      byKey: Effect.fn("ReceiptLog.byKey")((key) =>
        confirmed("read receipts", Effect.flatMap(Statements.receiptsByKey(sql, key), readReceipts))
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
      committed: () => Effect.void
    })
  )
)
