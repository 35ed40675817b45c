/**
 * Ending: what an answer of the executor means for the row that was delivered.
 *
 * Nothing is buried whose outcome is open, or that only has to wait: a doubt, a lane that is held, a full
 * mailbox, a ledger that can't be reached. Buried is what asking again can't change (where a call was made for
 * it all the same, its reason says so), and what has been proven not performed so often that a person should
 * look.
 */
import { Cause, DateTime, Effect, type Exit, Option, Schema } from "effect"
import type { Executor } from "../kernel/Executor.ts"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import { NotPerformed } from "../domain/connector-errors.ts"
import * as Errors from "../domain/errors.ts"
import * as LaneErrors from "../domain/lane-errors.ts"
import type { Receipt } from "../domain/Receipt.ts"
import type { Delivered, Taken } from "../kernel/Outbox.ts"
import type { Bounds } from "../kernel/Settings.ts"

/** What says that the outcome has to be waited for, and until when. */
const isDoubt = Schema.is(Schema.Union([Errors.InDoubt, LaneErrors.LaneHeld]))

/** What ends a row although nothing was performed now. */
const isSpent = Schema.is(Schema.Union([Errors.Abandoned, Errors.StoredRefusalUnreadable]))

/** What asking again can't change. */
const isHopeless = Schema.is(
  Schema.Union([Errors.KeyConflict, Errors.InvalidKey, Errors.InvalidPayload, Errors.InvalidOperator])
)

/** Nothing was performed, and the cause may never go away. */
const isFailure = Schema.is(
  Schema.Union([NotPerformed, LaneErrors.GuardFailed, LaneErrors.Expired, Errors.Unfinished])
)

/** Not the time, or not the place. */
const isBusy = Schema.is(
  Schema.Union([
    LaneErrors.LaneBusy,
    LaneErrors.Saturated,
    LaneErrors.WouldDeadlock,
    Errors.LedgerUnavailable,
    Errors.InsideTransaction
  ])
)

const isUnderWay = Schema.is(Schema.Union([Errors.InProgress, Errors.ShuttingDown]))
const isSuperseded = Schema.is(LaneErrors.Superseded)

/** What a delivery was about, and by whose clock. */
export interface Delivery {
  readonly taken: Taken
  readonly key: IdempotencyKey
  readonly nowMillis: number
}

/** The answer of `execute` as the outbox has to hear it. */
export const of = (
  exit: Exit.Exit<{ readonly receipt: Receipt }, unknown>,
  { key, nowMillis, taken }: Delivery,
  executor: Executor["Service"],
  bounds: Bounds
): Effect.Effect<Delivered> => {
  if (exit._tag === "Success") return Effect.succeed(ended(exit.value.receipt))
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error === undefined) {
    return Effect.succeed(failed(taken, bounds, `it died: ${sentence(Cause.squash(exit.cause))}`))
  }
  if (isDoubt(error)) return Effect.succeed(waiting(error, nowMillis, bounds))
  if (isSpent(error)) return Effect.succeed(ended(error.receipt))
  if (isSuperseded(error)) return Effect.succeed({ _tag: "End", outcome: "superseded", receipt: null })
  if (isHopeless(error)) return Effect.succeed({ _tag: "Bury", reason: error.message })
  if (isFailure(error)) return Effect.succeed(failed(taken, bounds, error.message))
  if (isBusy(error)) return Effect.succeed(again(backoffMillis(taken.delivery, bounds), error.message))
  if (isUnderWay(error)) return Effect.succeed(again(bounds.deliverAgainMillis, error.message))
  // What is none of the kernel's errors is the capability's refusal, and stands on the key's receipt.
  return executor.receiptOf(key).pipe(
    Effect.map(Option.match({ onNone: () => refused, onSome: ended })),
    Effect.orElseSucceed(() => refused)
  )
}

const refused: Delivered = { _tag: "End", outcome: "refused", receipt: null }

const ended = ({ id, outcome }: Receipt): Delivered => ({ _tag: "End", outcome, receipt: id })

const again = (afterMillis: number, reason: string): Delivered => ({ _tag: "Again", afterMillis, reason })

/** Looked at again when something may have been done about the doubt, and not much later. */
const waiting = (
  error: Errors.InDoubt | LaneErrors.LaneHeld,
  nowMillis: number,
  { deliverAgainMillis, maxDeliverAgainMillis }: Bounds
): Delivered => {
  const untilMillis =
    error.checkAfter === null ? maxDeliverAgainMillis : DateTime.toEpochMillis(error.checkAfter) - nowMillis
  return again(Math.min(Math.max(untilMillis, deliverAgainMillis), maxDeliverAgainMillis), error.message)
}

/** Tried again, each time a longer while later, until it has failed as often as it may. */
const failed = ({ failures }: Taken, bounds: Bounds, reason: string): Delivered =>
  failures + 1 >= bounds.maxFailedDeliveries
    ? { _tag: "Bury", reason: `${failures + 1} deliveries failed, the last one so: ${reason}` }
    : { _tag: "Failed", afterMillis: backoffMillis(failures + 1, bounds), reason }

const backoffMillis = (times: number, { deliverAgainMillis, maxDeliverAgainMillis }: Bounds): number =>
  Math.min(deliverAgainMillis * 2 ** Math.min(times - 1, 30), maxDeliverAgainMillis)

const sentence = (defect: unknown): string => (defect instanceof Error ? defect.message : String(defect))
