/**
 * Recorder: writes the receipts of repeats for the whole process, many requests in one statement.
 *
 * While one batch is on its way to the ledger, what comes next gathers; alike repeats of one batch are one
 * row with their count. So a flood of requests is no flood of rows, and a lone repeat waits for nobody. A
 * batch has an id and a time after which it adds nothing: what is run again, or lands late, counts once.
 */
import { Deferred, Effect, Exit, Schedule, type Scope } from "effect"
import { LedgerUnavailable } from "../domain/errors.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import { Ledger, type Repeat } from "./Ledger.ts"
import { forkOwned } from "./Owned.ts"

/** A repeat as it is handed in. */
export type Unrecorded = Omit<Repeat, "receiptId">

export interface Recorder {
  /** Durable when it returns. After a failure some of them may be. */
  readonly record: (repeats: ReadonlyArray<Unrecorded>) => Effect.Effect<void, LedgerUnavailable>
}

interface Waiting {
  readonly repeats: ReadonlyArray<Unrecorded>
  readonly done: Deferred.Deferred<void, LedgerUnavailable>
}

/** How many rows a batch has at most, unless a single request brings more. */
const maxRows = 1_024

/** How long after it was made a batch may still land, on the ledger's clock. */
const validMillis = 30_000

/** How long writing is tried before those who wait hear that the ledger is gone. */
const recordRetry = Schedule.exponential("50 millis").pipe(Schedule.upTo({ times: 6 }))

const closing = new LedgerUnavailable({ operation: "record", reason: "this runtime is closing" })

/** Records until `scope` closes, with what it needs taken from the surrounding context. */
export const make = Effect.fnUntraced(function* (
  scope: Scope.Scope
): Effect.fn.Return<Recorder, never, Ledger> {
  const ledger = yield* Ledger
  const context = yield* Effect.context<never>()
  let waiting: ReadonlyArray<Waiting> = []
  let underWay: ReadonlyArray<Waiting> = []
  let isWriting = false

  const write = Effect.fnUntraced(function* (repeats: ReadonlyArray<Unrecorded>) {
    const batch = {
      id: yield* Identifiers.ordered,
      notAfterMillis: (yield* ledger.now) + validMillis,
      repeats: yield* Effect.forEach(folded(repeats), (repeat) =>
        Effect.map(Identifiers.ordered, (receiptId) => ({ ...repeat, receiptId }))
      )
    }
    const recorded = yield* Effect.retry(ledger.record(batch), recordRetry)
    if (recorded._tag === "Recorded") return
    return yield* new LedgerUnavailable({
      operation: "record",
      reason: `its answers took longer than ${validMillis} ms, after which nothing is written`
    })
  })

  const writeAll = Effect.gen(function* () {
    while (true) {
      if (waiting.length === 0) {
        // Seeing that nothing waits and ending are one step: what came in between would wait for ever.
        isWriting = false
        return
      }
      underWay = takeFrom(waiting)
      waiting = waiting.slice(underWay.length)
      const exit = yield* Effect.exit(write(underWay.flatMap(({ repeats }) => repeats)))
      for (const { done } of underWay) Deferred.doneUnsafe(done, exit)
    }
  }).pipe(
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (Exit.isSuccess(exit)) return
        // Closing, or a bug: nobody is left waiting for ever.
        isWriting = false
        const left = [...underWay, ...waiting]
        waiting = []
        for (const { done } of left) Deferred.doneUnsafe(done, Exit.fail(closing))
      })
    )
  )

  return {
    // As with flights: whoever is to write and never begins would keep all the others waiting.
    record: (repeats) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const done = Deferred.makeUnsafe<void, LedgerUnavailable>()
          waiting = [...waiting, { repeats, done }]
          const written = restore(Deferred.await(done))
          if (isWriting) return written
          isWriting = true
          return Effect.andThen(forkOwned(writeAll, context, scope), written)
        })
      )
  }
})

/** The first ones, up to the bound. */
const takeFrom = (waiting: ReadonlyArray<Waiting>): ReadonlyArray<Waiting> => {
  let rows = 0
  const end = waiting.findIndex(({ repeats }, index) => {
    rows += repeats.length
    return index > 0 && rows > maxRows
  })
  return end === -1 ? waiting.slice() : waiting.slice(0, end)
}

/** Alike repeats as one, with the sum of their counts. */
const folded = (repeats: ReadonlyArray<Unrecorded>): ReadonlyArray<Unrecorded> => {
  const alike = new Map<string, Unrecorded>()
  for (const repeat of repeats) {
    const { key, operator, outcome, reason, refersTo } = repeat
    const name = JSON.stringify([Buffer.from(key.hash).toString("hex"), outcome, operator, refersTo, reason])
    const before = alike.get(name)
    alike.set(name, before === undefined ? repeat : { ...before, count: before.count + repeat.count })
  }
  return [...alike.values()]
}
