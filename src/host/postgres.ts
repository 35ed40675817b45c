/**
 * The Postgres host: fibric over a database that the app brings.
 *
 * The app's own `PgClient` says where the database is; fibric opens connections of its own to it, so
 * that nothing of the app's (an open transaction, a renaming of columns) reaches the ledger.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import { StartRefused } from "../domain/errors.ts"
import * as Keeper from "../kernel/Keeper.ts"
import type { Outbox } from "../kernel/Outbox.ts"
import * as Runtime from "../kernel/Runtime.ts"
import * as LedgerClient from "../postgres/LedgerClient.ts"
import * as PgLedger from "../postgres/PgLedger.ts"
import * as PgOutbox from "../postgres/PgOutbox.ts"
import * as PgReceiptLog from "../postgres/PgReceiptLog.ts"
import * as PgRetention from "../postgres/PgRetention.ts"
import * as PgSeals from "../postgres/PgSeals.ts"

/** What is there besides: actions that wait durably. `Outbox.layerDelivery` has them delivered. */
export type Services = Runtime.Services | Outbox

/** fibric over the `PgClient` in the context. Migrates its schema on opening, or refuses to start. */
export const layer: Layer.Layer<Services, StartRefused, PgClient.PgClient> = Layer.merge(
  Runtime.layer,
  Keeper.layer
).pipe(
  Layer.provide([PgLedger.layer, PgReceiptLog.layer, PgSeals.layer, PgRetention.layer]),
  Layer.merge(PgOutbox.layer),
  Layer.provide(LedgerClient.layer),
  Layer.catchTag("LedgerUnavailable", (error) =>
    Layer.effectContext(Effect.fail(new StartRefused({ problem: "unreachable", sentence: error.message })))
  )
)
