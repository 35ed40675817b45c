/**
 * Plan: what is simulated, and what a seed decides of it before anything runs.
 */
import type { Effect } from "effect"
import type { Action } from "../../domain/Action.ts"
import type * as Capability from "../../domain/Capability.ts"
import { execute, type Executor } from "../../kernel/Executor.ts"
import type { Handler } from "../../kernel/Handler.ts"
import type { Bounds } from "../../kernel/Settings.ts"
import * as Faults from "./Faults.ts"
import * as Seeded from "./Seeded.ts"
import type { Connectors } from "./Replica.ts"

/** Something that is asked for, by whoever can reach a process in which it can be carried out. */
export interface Asking<R> {
  readonly action: Action<Capability.Any>
  readonly run: Effect.Effect<unknown, unknown, Executor | R>
}

/** Asks for an action. */
export const ask = <C extends Capability.Any>(action: Action<C>): Asking<Handler<C["name"]>> => ({
  action,
  run: execute(action)
})

/** What is simulated. */
export interface Scenario<R> {
  /** The connectors of one process, over the world. */
  readonly connectors: Connectors<R>
  /** What is asked for, each of it several times, at different instants and of different processes. */
  readonly asks: ReadonlyArray<Asking<R>>
  /** How many processes there are at a time. Default: 2 or 3, drawn from the seed. */
  readonly processes?: number
  /** Which faults may happen. Default: all of them. None: an empty list. */
  readonly faults?: ReadonlyArray<Faults.FaultName>
  /** Changes some of the kernel's bounds; by default its times are short. */
  readonly bounds?: Partial<Bounds>
  /** How often a person says something about a doubt, at most. Default: 0. */
  readonly verdicts?: number
}

/** A request of a plan: what is asked, when, and of which process. */
export interface Request {
  readonly asking: number
  readonly atMillis: number
  readonly replica: number
}

/** What a seed decides before anything runs. Parts of it can be left out, to find out which ones matter. */
export interface Plan {
  readonly seed: number
  readonly processes: number
  readonly requests: ReadonlyArray<Request>
  readonly faults: ReadonlyArray<Faults.Planned>
  readonly verdictsAt: ReadonlyArray<number>
  readonly yields: number
}

/** Draws a plan from a seed. */
export const plan = <R>(scenario: Scenario<R>, seed: number): Plan => {
  const seeded = Seeded.make(seed, 0)
  const processes = scenario.processes ?? seeded.pick([2, 2, 2, 3])
  const requests: Array<Request> = []
  for (const asking of scenario.asks.keys()) {
    const from = seeded.below(1_500)
    for (let times = seeded.pick([1, 2, 2, 4]); times > 0; times--) {
      // At once, one after the other, or much later.
      const spread = seeded.pick([0, 10, 300, 2_500])
      requests.push({ asking, atMillis: from + seeded.below(spread + 1), replica: seeded.below(processes) })
    }
  }
  const cells = Faults.cellsOf(scenario.faults)
  return {
    seed,
    processes,
    requests,
    faults: Faults.draw(seeded, cells, seeded.pick([0, 1, 2, 3, 4, 6, 8])),
    verdictsAt: Array.from({ length: seeded.below((scenario.verdicts ?? 0) + 1) }, () =>
      seeded.between(2_000, 15_000)
    ),
    yields: seeded.pick([0, 0, 0.01, 0.04])
  }
}
