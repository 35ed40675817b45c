/**
 * Batching: one statement for all who want the same of the ledger, so that a flood of requests is no flood
 * of commits. For what is written that is group commit.
 *
 * While one batch is on its way, what comes next gathers: a batch grows with the load, and whoever comes
 * alone waits for nobody. Batches belong to a scope: no waiter's interrupt reaches one that has left.
 */
import { Effect, Exit, type Scope } from "effect"
import { LedgerUnavailable } from "../domain/errors.ts"
import { startOwned } from "./Owned.ts"

export interface Batching<A, B> {
  /** Hands an item in and waits for what became of it. */
  readonly ask: (item: A) => Effect.Effect<B, LedgerUnavailable>
  /** Hands an item in and says later what became of it. What it returns gives the waiting up. */
  readonly submit: (item: A, told: Told<B>) => () => void
}

type Told<B> = (exit: Exit.Exit<B, LedgerUnavailable>) => void

export interface Options<A, B> {
  /** What is done, in the words of an error. */
  readonly operation: string
  /** Batches end with it; who waits then, and who comes later, gets `LedgerUnavailable`. */
  readonly scope: Scope.Scope
  /** How many rows a batch has at most, unless a single item brings more. */
  readonly maxRows: number
  /** How many rows an item brings. Default: one. */
  readonly rowsOf?: (item: A) => number
  /** Whether an item stays whose waiter is interrupted before its batch has left. Default: it is not sent. */
  readonly stays?: boolean
  /** Does it for a whole batch: an answer for each item, in the batch's order. */
  readonly run: (batch: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, LedgerUnavailable>
}

interface Waiter<A, B> {
  readonly item: A
  readonly told: Told<B>
  isGone: boolean
}

export const make = Effect.fnUntraced(function* <A, B>({
  maxRows,
  operation,
  rowsOf = () => 1,
  run,
  scope,
  stays = false
}: Options<A, B>): Effect.fn.Return<Batching<A, B>> {
  const context = yield* Effect.context<never>()
  const waiting: Array<Waiter<A, B>> = []
  let underWay: ReadonlyArray<Waiter<A, B>> = []
  let isRunning = false

  /** The first ones that still wait, up to the bound. */
  const take = (): ReadonlyArray<Waiter<A, B>> => {
    const taken: Array<Waiter<A, B>> = []
    let rows = 0
    let looked = 0
    for (const waiter of waiting) {
      rows += waiter.isGone ? 0 : rowsOf(waiter.item)
      if (taken.length > 0 && rows > maxRows) break
      looked += 1
      if (!waiter.isGone) taken.push(waiter)
    }
    waiting.splice(0, looked)
    return taken
  }

  const runOne = Effect.fnUntraced(function* (batch: ReadonlyArray<Waiter<A, B>>) {
    const exit = yield* Effect.exit(run(batch.map(({ item }) => item)))
    for (const [index, { told }] of batch.entries()) {
      told(Exit.isSuccess(exit) ? Exit.succeed(exit.value[index] as B) : Exit.failCause(exit.cause))
    }
  })

  const runAll = Effect.gen(function* () {
    while (true) {
      underWay = take()
      if (underWay.length === 0) {
        // Seeing that nothing waits and ending are one step: what came in between would wait for ever.
        isRunning = false
        return
      }
      yield* runOne(underWay)
    }
  })

  /** Closing, or a bug: nobody is left waiting for ever. */
  const ended = (exit: Exit.Exit<void>): void => {
    if (Exit.isSuccess(exit)) return
    isRunning = false
    const error = new LedgerUnavailable({ operation, reason: "this runtime is closing" })
    for (const { told } of [...underWay, ...waiting.splice(0)]) told(Exit.fail(error))
  }

  // Handing in and beginning are one step: whoever is to run it and never begins would keep all waiting.
  const submit = (item: A, told: Told<B>) => {
    const waiter: Waiter<A, B> = { item, told, isGone: false }
    waiting.push(waiter)
    if (!isRunning) {
      isRunning = true
      startOwned(runAll, context, scope).addObserver(ended)
    }
    return () => {
      waiter.isGone = !stays
    }
  }

  const ask = (item: A) =>
    Effect.callback<B, LedgerUnavailable>((resume) => {
      const leave = submit(item, resume)
      return Effect.sync(leave)
    })

  return { ask, submit }
})
