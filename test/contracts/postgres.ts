/**
 * The ledger and its receipts on Postgres, in a new database for each test.
 */
import { Layer } from "effect"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import * as PgReceiptLog from "../../src/postgres/PgReceiptLog.ts"
import { layerFreshClient } from "../support/database.ts"

export const layerLedger = Layer.mergeAll(PgLedger.layer, PgReceiptLog.layer).pipe(
  Layer.provide(LedgerClient.layer),
  Layer.provide(layerFreshClient)
)
