/**
 * Ledgers that misbehave as real ones do: a reply is lost after the statement landed, or nothing is
 * reachable. Built around the in-memory ledger, for unit tests.
 */
import { Effect, Layer } from "effect"
import { LedgerUnavailable } from "fibric"
import { Ledger } from "../../src/kernel/Ledger.ts"
import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import type { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import * as Runtime from "../../src/kernel/Runtime.ts"
import * as Settings from "../../src/kernel/Settings.ts"

type Operation =
  | "find"
  | "claim"
  | "settle"
  | "record"
  | "beat"
  | "reap"
  | "apply"
  | "resend"
  | "transact"
  | "takeDue"

/** What goes wrong, changeable while a test runs. */
export interface Trouble {
  /** How many of the next statements fail before they land. */
  readonly unreachable: Map<Operation, number>
  /** How many of the next statements land and lose their reply. */
  readonly replyLost: Map<Operation, number>
  /** Every statement that arrived, in order. */
  readonly arrived: Array<Operation>
  /** What was committed is gone, as after a failover: a key, or the last attempt of one. */
  forgets: "nothing" | "unknown_key" | "unknown_token"
  /** Runs before each statement of the operation. */
  readonly before: Map<Operation, Effect.Effect<void>>
}

export const makeTrouble = (): Trouble => ({
  unreachable: new Map(),
  replyLost: new Map(),
  arrived: [],
  forgets: "nothing",
  before: new Map()
})

const take = (counts: Map<Operation, number>, operation: Operation): boolean => {
  const left = counts.get(operation) ?? 0
  if (left > 0) counts.set(operation, left - 1)
  return left > 0
}

const troubled =
  (trouble: Trouble, operation: Operation) =>
  <A>(statement: Effect.Effect<A, LedgerUnavailable>): Effect.Effect<A, LedgerUnavailable> =>
    Effect.gen(function* () {
      yield* trouble.before.get(operation) ?? Effect.void
      const lost = new LedgerUnavailable({ operation, reason: "connection reset" })
      if (take(trouble.unreachable, operation)) return yield* lost
      trouble.arrived.push(operation)
      const answer = yield* statement
      if (take(trouble.replyLost, operation)) return yield* lost
      return answer
    })

/** The in-memory ledger behind a network that can lose requests and replies. */
export const layerTroubled = (trouble: Trouble): Layer.Layer<Ledger | ReceiptLog> =>
  Layer.effect(
    Ledger,
    Effect.map(Ledger, (ledger) =>
      Ledger.of({
        ...ledger,
        find: (key, pace) => troubled(trouble, "find")(ledger.find(key, pace)),
        claim: (claim) => troubled(trouble, "claim")(ledger.claim(claim)),
        settle: (settlement) =>
          troubled(
            trouble,
            "settle"
          )(
            Effect.suspend(() =>
              trouble.forgets === "nothing"
                ? ledger.settle(settlement)
                : Effect.succeed({ _tag: "Refused", why: trouble.forgets, found: "nothing" } as const)
            )
          ),
        record: (batch) => troubled(trouble, "record")(ledger.record(batch)),
        beat: (worker, lease) => troubled(trouble, "beat")(ledger.beat(worker, lease)),
        reap: (ids) => troubled(trouble, "reap")(ledger.reap(ids)),
        apply: (key, event, receiptId) => troubled(trouble, "apply")(ledger.apply(key, event, receiptId)),
        resend: (attempt) => troubled(trouble, "resend")(ledger.resend(attempt)),
        transact: (attempt, effect) => troubled(trouble, "transact")(ledger.transact(attempt, effect)),
        takeDue: (capabilities, limit, leaseMillis) =>
          troubled(trouble, "takeDue")(ledger.takeDue(capabilities, limit, leaseMillis))
      })
    )
  ).pipe(Layer.provideMerge(LedgerMemory.layer))

/** A runtime over such a ledger; closing it waits for nothing. */
export const layerRuntime = (
  trouble: Trouble,
  bounds: Partial<Settings.Bounds> = {}
): Layer.Layer<Runtime.Services | Ledger> =>
  Runtime.layer.pipe(
    Layer.provideMerge(layerTroubled(trouble)),
    Layer.provide(Settings.layer({ drainMillis: 0, ...bounds }))
  )
