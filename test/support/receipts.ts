/**
 * A ledger with receipts in it, for the tests of sealing, reading and retention: its services over a
 * database of its own, and ways to write receipts of many kinds.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, type Redacted } from "effect"
import type { IdempotencyKey } from "../../src/domain/IdempotencyKey.ts"
import type { Outcome } from "../../src/domain/Receipt.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import * as PgReceiptLog from "../../src/postgres/PgReceiptLog.ts"
import * as PgRetention from "../../src/postgres/PgRetention.ts"
import * as PgSeals from "../../src/postgres/PgSeals.ts"
import { claimed, performed, recordAll, repeatOf, settle } from "../contracts/keys.ts"
import { ledgerDatabase } from "./database.ts"

/** The ledger's services and the test's own client over a URL. */
export const layerOver = (url: Redacted.Redacted<string>) =>
  Layer.mergeAll(PgLedger.layer, PgReceiptLog.layer, PgSeals.layer, PgRetention.layer).pipe(
    Layer.provideMerge(LedgerClient.layer),
    Layer.provideMerge(PgClient.layer({ url, maxConnections: 4 }))
  )

/** The same over a database of its own. */
export const layerReceipts = Layer.unwrap(Effect.map(ledgerDatabase, ({ url }) => layerOver(url)))

/** A key that was performed. */
export const done = Effect.fnUntraced(function* (key: IdempotencyKey) {
  yield* settle(yield* claimed(key), performed)
  return key
})

/** So many repeats of a key, each in a batch of its own. */
export const repeated = (key: IdempotencyKey, outcome: Outcome, times: number) =>
  Effect.forEach(Array.from({ length: times }), () =>
    Effect.flatMap(repeatOf(key, outcome, 1), (repeat) => recordAll([repeat]))
  )
