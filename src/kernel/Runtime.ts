/**
 * Runtime: the kernel's services assembled over any ledger. What a host adds is where the ledger
 * lives.
 */
import { Layer } from "effect"
import { Connectors } from "./Connectors.ts"
import * as Executor from "./Executor.ts"
import * as Lanes from "./Lanes.ts"
import type { Ledger } from "./Ledger.ts"
import * as Recoverer from "./Recoverer.ts"
import * as ReceiptLog from "./ReceiptLog.ts"
import * as Verdicts from "./Verdicts.ts"
import * as Workers from "./Workers.ts"

/** What a running fibric offers. */
export type Services =
  | Executor.Executor
  | Verdicts.Verdicts
  | Recoverer.Recoverer
  | ReceiptLog.ReceiptLog
  | Connectors

/** The kernel over a ledger and its receipts, each receipt logged and counted as it is committed. */
export const layer: Layer.Layer<Services, never, Ledger | ReceiptLog.ReceiptLog> = Layer.mergeAll(
  Executor.layer,
  Verdicts.layer,
  Recoverer.layer
).pipe(
  Layer.provide([Lanes.layer, Workers.layer]),
  Layer.provide(ReceiptLog.layerObservedLedger),
  Layer.provideMerge(ReceiptLog.layerLogger.pipe(Layer.provide(ReceiptLog.layerMetrics))),
  Layer.provideMerge(Connectors.layer)
)
