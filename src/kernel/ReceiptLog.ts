/**
 * ReceiptLog: reading the receipts, and telling the log about each as it is committed.
 *
 * The ledger writes receipts; this is where they are read and where they become events. An event is
 * sent after its receipt is durable, by the process that wrote it.
 */
import { Context, DateTime, Effect, Layer } from "effect"
import * as Entity from "../domain/Entity.ts"
import type { LedgerUnavailable } from "../domain/errors.ts"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import type { Outcome, Receipt } from "../domain/Receipt.ts"
import type { Change, CursorUnusable, Page, ReceiptFilter } from "../domain/ReceiptFilter.ts"
import { type Applied, Ledger, type Transacted } from "./Ledger.ts"
import { Connectors } from "./Connectors.ts"
import { contradiction } from "./lifecycle/statement.ts"
import { emit } from "./telemetry/Events.ts"
import * as Metrics from "./telemetry/Metrics.ts"

/** How many requests ended in each outcome: sums of `count`. An outcome nobody met is absent. */
export type Totals = Partial<Readonly<Record<Outcome, number>>>

/** How many receipts are read at once at most. A larger limit is taken for this one. */
export const maxPage = 1_000

/** In which order, how many (1 to 1,000, 100 where it is not said), and from where on. */
export interface QueryOptions {
  readonly order?: "newest" | "oldest"
  readonly limit?: number
  /** The page before's `next`, with the same filter and order. */
  readonly cursor?: string | undefined
}

/** What came after a place. */
export interface Changes {
  readonly changes: ReadonlyArray<Change>
  /** Whether there is no more at the moment. */
  readonly isCaughtUp: boolean
  /** Where to go on; moves also where nothing was wanted. */
  readonly cursor: string
}

export class ReceiptLog extends Context.Service<
  ReceiptLog,
  {
    /**
     * The receipts of a key, in the order of writing. At most 1,000, the first ones; the totals
     * count all of them.
     */
    readonly byKey: (key: IdempotencyKey) => Effect.Effect<ReadonlyArray<Receipt>, LedgerUnavailable>
    /** The receipt of an id; `undefined` where there is none, also where it was folded into a later one. */
    readonly byId: (id: string) => Effect.Effect<Receipt | undefined, LedgerUnavailable>
    /**
     * Receipts in pages, by the order of their commits. Every page shows the receipts as they were when
     * the first one was read: none twice, none left out, none that came later.
     */
    readonly query: (
      filter: ReceiptFilter,
      options?: QueryOptions
    ) => Effect.Effect<Page, LedgerUnavailable | CursorUnusable>
    /**
     * What comes after a cursor, after `now` or from the `start`, the oldest first, of transactions before
     * which everything has ended: a receipt that commits late comes later and is not skipped.
     */
    readonly after: (
      from: string,
      filter: ReceiptFilter,
      limit: number
    ) => Effect.Effect<Changes, LedgerUnavailable | CursorUnusable>
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

/** Counts each committed receipt by its connector, its capability and its outcome. */
export const layerMetrics: Layer.Layer<ReceiptLog, never, ReceiptLog | Connectors> = Layer.effect(
  ReceiptLog,
  Effect.gen(function* () {
    const log = yield* ReceiptLog
    const connectors = yield* Connectors
    const count = (
      { capability, count, durationMillis, outcome }: Receipt,
      context: Context.Context<never>
    ): void => {
      const connector = connectors.connectorOf(capability)
      const known = connector === undefined ? Metrics.unknownHere : capability
      const labels = { connector: connector ?? Metrics.unknownHere, capability: known, outcome }
      Metrics.ended(labels, count, durationMillis, context)
    }
    return ReceiptLog.of({
      ...log,
      committed: (receipts) =>
        Effect.andThen(
          log.committed(receipts),
          Effect.contextWith((context: Context.Context<never>) => {
            for (const receipt of receipts) count(receipt, context)
            return Effect.void
          })
        )
    })
  })
)

/** Lets the receipt log know of every receipt that this ledger commits. */
export const layerObservedLedger: Layer.Layer<Ledger, never, Ledger | ReceiptLog> = Layer.effect(
  Ledger,
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const { committed } = yield* ReceiptLog
    const ended = (answer: Applied | Transacted): Effect.Effect<void> =>
      answer._tag === "Settled" ? committed([answer.receipt]) : Effect.void
    return Ledger.of({
      ...ledger,
      settle: (settlement) => Effect.tap(ledger.settle(settlement), ended),
      settleAndClaim: (settlement, next) =>
        Effect.tap(ledger.settleAndClaim(settlement, next), ({ applied }) => ended(applied)),
      apply: (key, event, receiptId) => Effect.tap(ledger.apply(key, event, receiptId), ended),
      transact: (attempt, effect) => Effect.tap(ledger.transact(attempt, effect), ended),
      record: (batch) =>
        Effect.tap(ledger.record(batch), (recorded) =>
          recorded._tag === "Recorded" ? committed(recorded.receipts) : Effect.void
        ),
      reap: (ids) => Effect.tap(ledger.reap(ids), committed)
    })
  })
)

const logReceipt = (receipt: Receipt): Effect.Effect<void> =>
  emit(
    "fibric.receipt",
    () => ({
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
      "fibric.reason": receipt.reason,
      "fibric.safe_to_retry": receipt.safeToRetry,
      "fibric.check_after": receipt.checkAfter === null ? null : DateTime.formatIso(receipt.checkAfter)
    }),
    levelOf(receipt)
  )

/** Whether somebody must hear of it now: the promise was broken outside, or a verdict was wrong. */
const isLoud = ({ outcome, reason }: Receipt): boolean =>
  outcome === "duplicate_observed" || (outcome === "resolved" && reason?.startsWith(contradiction) === true)

const levelOf = (receipt: Receipt): "Debug" | "Info" | "Warn" | "Error" => {
  if (isLoud(receipt)) return "Error"
  switch (receipt.outcome) {
    case "performed":
    case "refused":
    case "released":
    case "resolved":
    case "reopened":
    case "abandoned":
    case "superseded":
      return "Info"
    case "in_doubt":
    case "duplicate_observed":
    case "conflict":
    case "denied":
    case "saturated":
    case "expired":
      return "Warn"
    case "deduplicated":
    case "joined":
      return "Debug"
  }
}
