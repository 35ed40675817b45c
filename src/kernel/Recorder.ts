/**
 * Recorder: writes the receipts of repeats for the whole process, many requests in one statement.
 *
 * While one batch is on its way to the ledger, what comes next gathers; alike repeats of one batch are one
 * row with their count. So a flood of requests is no flood of rows, and a lone repeat waits for nobody. A
 * batch has an id and a time after which it adds nothing: what is run again, or lands late, counts once.
 */
import { Effect, type Exit, Schedule, type Scope } from "effect"
import { hex } from "../domain/Digest.ts"
import { LedgerUnavailable } from "../domain/errors.ts"
import * as Batching from "./Batching.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import { Ledger, type Repeat } from "./Ledger.ts"
import { retried } from "./Retrying.ts"

/** A repeat as it is handed in. */
export type Unrecorded = Omit<Repeat, "receiptId">

export interface Recorder {
  /** Durable when it returns. After a failure some of them may be. */
  readonly record: (repeats: ReadonlyArray<Unrecorded>) => Effect.Effect<void, LedgerUnavailable>
  /** The same for whoever is told of it later. */
  readonly submit: (
    repeats: ReadonlyArray<Unrecorded>,
    told: (exit: Exit.Exit<void, LedgerUnavailable>) => void
  ) => void
}

/** How many rows a batch has at most, unless a single request brings more. */
const maxRows = 1_024

/** How long after it was made a batch may still land, on the ledger's clock. */
const validMillis = 30_000

/** How long writing is tried before those who wait hear that the ledger is gone. */
const recordRetry = Schedule.exponential("50 millis").pipe(Schedule.upTo({ times: 6 }))

/** Records until `scope` closes, with what it needs taken from the surrounding context. */
export const make = Effect.fnUntraced(function* (
  scope: Scope.Scope
): Effect.fn.Return<Recorder, never, Ledger> {
  const ledger = yield* Ledger

  const write = Effect.fnUntraced(function* (repeats: ReadonlyArray<Unrecorded>) {
    const batch = {
      id: yield* Identifiers.ordered,
      notAfterMillis: (yield* ledger.now) + validMillis,
      repeats: yield* withIds(folded(repeats))
    }
    const recorded = yield* retried(ledger.record(batch), recordRetry)
    if (recorded._tag === "Recorded") return
    return yield* new LedgerUnavailable({
      operation: "record",
      reason: `its answers took longer than ${validMillis} ms, after which nothing is written`
    })
  })

  const { ask, submit } = yield* Batching.make({
    operation: "record",
    scope,
    maxRows,
    rowsOf: (repeats: ReadonlyArray<Unrecorded>) => repeats.length,
    // Whoever asked is written down, also when they have gone.
    stays: true,
    run: (batch) =>
      Effect.as(
        write(batch.flat()),
        batch.map(() => undefined)
      )
  })

  return { record: ask, submit }
})

const withIds = (repeats: ReadonlyArray<Unrecorded>): Effect.Effect<ReadonlyArray<Repeat>> =>
  Effect.map(Identifiers.manyOrdered(repeats.length), (ids) =>
    repeats.map(({ count, key, operator, outcome, reason, refersTo }, index) => ({
      // An id for each was asked for.
      receiptId: ids[index] as string,
      key,
      outcome,
      operator,
      count,
      refersTo,
      reason
    }))
  )

/** Alike repeats as one, with the sum of their counts. */
const folded = (repeats: ReadonlyArray<Unrecorded>): ReadonlyArray<Unrecorded> => {
  const alike = new Map<string, Unrecorded>()
  for (const repeat of repeats) {
    const { key, operator, outcome, reason, refersTo } = repeat
    // What could be taken for something else is told apart by its first character and by quotes.
    const asked = reason === null ? `-${operator}` : `+${JSON.stringify([operator, reason])}`
    const name = `${hex(key.hash)} ${outcome} ${refersTo} ${asked}`
    const before = alike.get(name)
    alike.set(name, before === undefined ? repeat : { ...before, count: before.count + repeat.count })
  }
  return [...alike.values()]
}
