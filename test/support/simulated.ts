/**
 * The simulation's ledger for the contract suites: the simulated store behind the simulated wire, every
 * statement a message there and one back. Its time runs as fast as something is on its way.
 */
import { Clock, Context, Effect, Layer } from "effect"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { Ledger } from "../../src/kernel/Ledger.ts"
import { logOf } from "../../src/kernel/ledger-memory/log.ts"
import { emptyStore } from "../../src/kernel/ledger-memory/Store.ts"
import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import { refusing } from "../../src/kernel/Transaction.ts"
import * as Process from "../../src/testing/simulation/Process.ts"
import * as Seeded from "../../src/testing/simulation/Seeded.ts"
import * as Timeline from "../../src/testing/simulation/Timeline.ts"
import * as Wire from "../../src/testing/simulation/Wire.ts"

export const layer: Layer.Layer<Ledger | ReceiptLog> = Layer.effectContext(
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const store = emptyStore()
    const timeline = Timeline.make()
    const process = Process.make({
      name: "p1",
      number: 0,
      timeline,
      skewMillis: 0,
      shouldYield: () => false,
      context: Context.empty()
    })
    const carry = Wire.carrierOf({
      process,
      server: { now: () => clock.currentTimeMillisUnsafe(), isDownUntil: -1, isHealed: true, epoch: 0 },
      timeline,
      seeded: Seeded.make(1),
      faultAt: () => undefined,
      befall: () => undefined,
      heard: () => undefined,
      landing: (_statement, land) => land()
    })
    /** Lets everything that is on its way arrive, and the process hear of it. */
    const deliver = (): void => {
      while (timeline.next() !== undefined || process.isRunnable()) {
        if (process.isRunnable()) process.runNext()
        else timeline.advance()
      }
    }
    const ledger = LedgerMemory.over(store, yield* Identifiers.token, {
      carry: (statement, land) =>
        Effect.suspend(() => {
          queueMicrotask(deliver)
          return carry(statement, land)
        }),
      now: clock.currentTimeMillis,
      called: store.bell.heard,
      transaction: refusing("A simulated ledger has no SQL.")
    })
    return Context.make(Ledger, ledger).pipe(Context.add(ReceiptLog, logOf(store)))
  })
)
