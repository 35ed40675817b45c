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

/** A repeat that follows from no receipt. */
export const standsOnNothing = { attempt: null, refersTo: null, onlyIfStands: false } as const

/** `moved`: the receipt that they stand on does not stand any more, and nothing was written. Look again. */
export type Written = "recorded" | "moved"

export interface Recorder {
  /**
   * Writes one request's repeats of one key, all of them or, where they have moved, none. Durable when it
   * answers `recorded`. After a failure some of them may be.
   */
  readonly record: (repeats: ReadonlyArray<Unrecorded>) => Effect.Effect<Written, LedgerUnavailable>
  /** The same for whoever is told of it later. */
  readonly submit: (
    repeats: ReadonlyArray<Unrecorded>,
    told: (exit: Exit.Exit<Written, LedgerUnavailable>) => void
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

  const write = Effect.fnUntraced(function* (requests: ReadonlyArray<ReadonlyArray<Unrecorded>>) {
    const batch = {
      id: yield* Identifiers.ordered,
      notAfterMillis: (yield* ledger.now) + validMillis,
      repeats: yield* withIds(folded(requests.flat()))
    }
    const recorded = yield* retried(ledger.record(batch), recordRetry)
    if (recorded._tag === "Recorded") return whatBecameOf(requests, batch.repeats, recorded.moved)
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
    run: write
  })

  return { record: ask, submit }
})

/** What became of each request, by what its repeats were folded into. */
const whatBecameOf = (
  requests: ReadonlyArray<ReadonlyArray<Unrecorded>>,
  repeats: ReadonlyArray<Repeat>,
  moved: ReadonlyArray<string>
): ReadonlyArray<Written> => {
  if (moved.length === 0) return requests.map(() => "recorded")
  const ids = new Set(moved)
  const names = new Set(repeats.filter(({ receiptId }) => ids.has(receiptId)).map(nameOf))
  return requests.map((request) =>
    request.some((repeat) => names.has(nameOf(repeat))) ? "moved" : "recorded"
  )
}

/** Alike repeats have one name. What they refer to says which attempt they are about. */
const nameOf = ({ key, operator, outcome, reason, refersTo }: Unrecorded): string => {
  // What could be taken for something else is told apart by its first character and by quotes.
  const asked = reason === null ? `-${operator}` : `+${JSON.stringify([operator, reason])}`
  return `${hex(key.hash)} ${outcome} ${refersTo} ${asked}`
}

const withIds = (repeats: ReadonlyArray<Unrecorded>): Effect.Effect<ReadonlyArray<Repeat>> =>
  Effect.map(Identifiers.manyOrdered(repeats.length), (ids) =>
    repeats.map(({ attempt, count, key, onlyIfStands, operator, outcome, reason, refersTo }, index) => ({
      // An id for each was asked for.
      receiptId: ids[index] as string,
      key,
      outcome,
      operator,
      count,
      attempt,
      refersTo,
      onlyIfStands,
      reason
    }))
  )

/** Alike repeats as one, with the sum of their counts. */
const folded = (repeats: ReadonlyArray<Unrecorded>): ReadonlyArray<Unrecorded> => {
  const alike = new Map<string, Unrecorded>()
  for (const repeat of repeats) {
    const name = nameOf(repeat)
    const before = alike.get(name)
    alike.set(name, before === undefined ? repeat : { ...before, count: before.count + repeat.count })
  }
  return [...alike.values()]
}
