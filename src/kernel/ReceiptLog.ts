/**
 * ReceiptLog: reading the receipts, and telling the log about each as it is committed.
 *
 * The ledger writes receipts; this is where they are read and where they become events. An event is
 * sent after its receipt is durable, by the process that wrote it.
 */
import { Context, Effect, Layer } from "effect"
import * as Entity from "../domain/Entity.ts"
import type { LedgerUnavailable } from "../domain/errors.ts"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import type { Outcome, Receipt } from "../domain/Receipt.ts"
import { Ledger } from "./Ledger.ts"

/** How many requests ended in each outcome: sums of `count`. An outcome nobody met is absent. */
export type Totals = Partial<Readonly<Record<Outcome, number>>>

export class ReceiptLog extends Context.Service<
  ReceiptLog,
  {
    /**
     * The receipts of a key, in the order of writing. At most 1,000, the first ones; the totals
     * count all of them.
     */
    readonly byKey: (key: IdempotencyKey) => Effect.Effect<ReadonlyArray<Receipt>, LedgerUnavailable>
    /** How many requests for a key ended in each outcome; without a key, for all keys. */
    readonly totals: (key?: IdempotencyKey) => Effect.Effect<Totals, LedgerUnavailable>
    /** Told about receipts right after their commit. Never fails and never holds anybody up for long. */
    readonly committed: (receipts: ReadonlyArray<Receipt>) => Effect.Effect<void>
  }
>()("fibric/kernel/ReceiptLog") {}

/**
 * Emits each committed receipt as one structured event through Effect's `Logger`: the message is
 * `fibric.receipt`, the fields are annotations. What somebody should look at is a warning; repeats
 * are debug events, because a flood of requests must not become a flood of lines.
 */
export const layerLogger: Layer.Layer<ReceiptLog, never, ReceiptLog> = Layer.effect(
  ReceiptLog,
  Effect.map(ReceiptLog, (log) =>
    ReceiptLog.of({
      ...log,
      committed: (receipts) =>
        Effect.andThen(log.committed(receipts), Effect.forEach(receipts, logReceipt, { discard: true }))
    })
  )
)

/** Lets the receipt log know of every receipt that this ledger commits. */
export const layerObservedLedger: Layer.Layer<Ledger, never, Ledger | ReceiptLog> = Layer.effect(
  Ledger,
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const { committed } = yield* ReceiptLog
    return Ledger.of({
      ...ledger,
      settle: (settlement) =>
        Effect.tap(ledger.settle(settlement), (verdict) =>
          verdict._tag === "Settled" ? committed([verdict.receipt]) : Effect.void
        ),
      record: (repeats) => Effect.tap(ledger.record(repeats), committed),
      resolveHappened: (verdict) =>
        Effect.tap(ledger.resolveHappened(verdict), (answer) =>
          answer._tag === "Settled" ? committed([answer.receipt]) : Effect.void
        ),
      reap: (ids) => Effect.tap(ledger.reap(ids), committed)
    })
  })
)

const logReceipt = (receipt: Receipt): Effect.Effect<void> =>
  Effect.annotateLogs(levelOf(receipt.outcome)("fibric.receipt"), {
    "fibric.receipt.id": receipt.id,
    "fibric.receipt.outcome": receipt.outcome,
    "fibric.receipt.count": receipt.count,
    "fibric.key": receipt.key,
    "fibric.entity": Entity.label(receipt.entity),
    "fibric.capability": receipt.capability,
    "fibric.operator": receipt.operator,
    "fibric.attempt": receipt.attempt,
    "fibric.receipt.refers_to": receipt.refersTo,
    "fibric.duration_millis": receipt.durationMillis,
    "fibric.reason": receipt.reason
  })

const levelOf = (outcome: Outcome): typeof Effect.logInfo => {
  switch (outcome) {
    case "performed":
    case "refused":
    case "released":
    case "resolved":
      return Effect.logInfo
    case "in_doubt":
    case "conflict":
    case "denied":
    case "saturated":
    case "expired":
      return Effect.logWarning
    case "deduplicated":
    case "joined":
      return Effect.logDebug
  }
}
