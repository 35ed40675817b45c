/**
 * A test of orders in memory whose ledger can be made to misbehave while it runs.
 */
import { it } from "@effect/vitest"
import { Effect } from "effect"
import type { Connector } from "fibric"
import type { Ledger } from "../../src/kernel/Ledger.ts"
import type * as Runtime from "../../src/kernel/Runtime.ts"
import { layerRuntime, makeTrouble, type Trouble } from "./ledgers.ts"
import { makeWorld, over, type World } from "./orders.ts"

type Needs = Runtime.Services | Ledger | Connector.Handler<"notify">

/** Declares such tests, with the bounds that are not the usual ones. */
export const troubledStory =
  (bounds: Parameters<typeof layerRuntime>[1] = {}) =>
  (sentence: string, body: (world: World, trouble: Trouble) => Effect.Effect<void, unknown, Needs>): void =>
    it.effect(sentence, () => {
      const { world, layer } = makeWorld()
      const trouble = makeTrouble()
      return Effect.provide(body(world, trouble), over(layer, layerRuntime(trouble, bounds)))
    })
