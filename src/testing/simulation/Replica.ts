/**
 * Replica: a simulated process with the real kernel in it.
 */
import { Context, Effect, Exit, type Fiber, Layer, Scope } from "effect"
import type * as Bell from "../../kernel/Bell.ts"
import * as GroupCommit from "../../kernel/GroupCommit.ts"
import { Ledger } from "../../kernel/Ledger.ts"
import { logOf } from "../../kernel/ledger-memory/log.ts"
import type { Store } from "../../kernel/ledger-memory/Store.ts"
import { statementsIn } from "../../kernel/ledger-memory/together.ts"
import * as LedgerMemory from "../../kernel/LedgerMemory.ts"
import { ReceiptLog } from "../../kernel/ReceiptLog.ts"
import * as Runtime from "../../kernel/Runtime.ts"
import { refusing } from "../../kernel/Transaction.ts"
import type * as Process from "./Process.ts"
import type * as World from "./World.ts"

/** The connectors of one process, over the world. */
export type Connectors<R> = (world: World.World) => Layer.Layer<R, unknown, Runtime.Services>

/** A process with the kernel in it. */
export interface Replica<R> {
  readonly process: Process.Process
  /** Runs something in it, once its kernel stands; tells how it ended. */
  readonly run: <A, E>(
    effect: Effect.Effect<A, E, R | Runtime.Services>,
    ended: (exit: Exit.Exit<A, E>) => void
  ) => { readonly interrupt: () => void }
}

export interface Options<R> {
  readonly process: Process.Process
  readonly store: Store
  readonly serverNow: () => number
  readonly bell: Bell.Bell
  readonly carry: LedgerMemory.Carrier["carry"]
  readonly connectors: Layer.Layer<R, unknown, Runtime.Services>
}

/** Starts the kernel in a process. */
export const start = <R>({ bell, carry, connectors, process, serverNow, store }: Options<R>): Replica<R> => {
  const ledger = LedgerMemory.over(store, "simulated", {
    carry,
    now: Effect.sync(serverNow),
    called: bell.heard,
    transaction: refusing("A simulated ledger has no SQL: let the effect happen with World.commit.")
  })
  const ledgers = Layer.effectContext(
    Effect.map(GroupCommit.make(statementsIn(store, { carry }, ledger)), (grouped) =>
      Context.make(Ledger, { ...ledger, ...grouped }).pipe(Context.add(ReceiptLog, logOf(store)))
    )
  )
  const layer = connectors.pipe(Layer.provideMerge(Runtime.layer), Layer.provide(ledgers))
  let built: Context.Context<R | Runtime.Services> | undefined
  const waiting: Array<() => void> = []
  process.enqueue(() => {
    const scope = Scope.makeUnsafe()
    const building = Effect.runForkWith(process.base)(Layer.buildWithScope(layer, scope))
    building.addObserver((exit) => {
      if (Exit.isFailure(exit)) throw new Error(`The simulated process did not start: ${String(exit.cause)}`)
      built = Context.merge(process.base, exit.value)
      for (const begin of waiting.splice(0)) begin()
    })
  })
  return {
    process,
    run: (effect, ended) => {
      let fiber: Fiber.Fiber<unknown, unknown> | undefined
      const begin = () => {
        if (built === undefined) return void waiting.push(begin)
        const running = Effect.runForkWith(built)(effect)
        fiber = running
        running.addObserver(ended)
      }
      process.enqueue(begin)
      return { interrupt: () => process.enqueue(() => fiber?.interruptUnsafe()) }
    }
  }
}
