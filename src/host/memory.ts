/**
 * The memory host: fibric with a ledger that lives and dies with the process. For unit tests of what
 * is built on fibric; it keeps the rules and promises nothing across a restart.
 */
import { Effect, Layer } from "effect"
import * as LedgerMemory from "../kernel/LedgerMemory.ts"
import type { Outbox } from "../kernel/Outbox.ts"
import * as OutboxMemory from "../kernel/OutboxMemory.ts"
import * as Runtime from "../kernel/Runtime.ts"
import { Settings } from "../kernel/Settings.ts"

/**
 * fibric in memory. For unit tests. Closing it waits for nothing: what is in flight ends with the
 * memory, and under a `TestClock` a wait would never end.
 */
export const layerMemory: Layer.Layer<Runtime.Services | Outbox> = Runtime.layer.pipe(
  Layer.provide(LedgerMemory.layer),
  Layer.merge(OutboxMemory.layer),
  Layer.provide(
    Layer.effect(
      Settings,
      Effect.map(Settings, (bounds) => ({ ...bounds, drainMillis: 0 }))
    )
  )
)
