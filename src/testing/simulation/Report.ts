/**
 * Report: many seeds of a scenario, and what a test asserts of them.
 */
import type { Violation } from "./judge/invariants.ts"
import type { Scenario } from "./Plan.ts"
import * as Simulation from "./Simulation.ts"

/** What so many seeds came to. */
export interface Report {
  readonly seeds: number
  /** Whether faults were allowed to happen. */
  readonly mayFail: boolean
  readonly steps: number
  readonly kills: number
  /** How many effects happened in the world, over all seeds. */
  readonly effects: number
  /** How often each fault happened at each step, by its name and the step's: `lose-reply × claim`. */
  readonly hits: ReadonlyMap<string, number>
  /** What was violated, by the seed in which it was. */
  readonly violated: ReadonlyArray<{ readonly seed: number; readonly violation: Violation }>
}

export interface SeedsOptions {
  /** How many seeds. Default: 200. */
  readonly seeds?: number
  /** The first of them. Default: 1. */
  readonly from?: number
}

/** Something that must hold did not, or nothing was tried that could have shown it. */
export class NotHeld extends Error {
  override readonly name = "NotHeld"
}

/** Simulates a scenario with one seed after the other. Synchronous: nothing waits for real. */
export const runSeeds = <R>(scenario: Scenario<R>, { from = 1, seeds = 200 }: SeedsOptions = {}): Report => {
  const hits = new Map<string, number>()
  const violated: Array<Report["violated"][number]> = []
  const sum = { steps: 0, kills: 0, effects: 0 }
  for (let seed = from; seed < from + seeds; seed++) {
    const outcome = Simulation.run(scenario, seed)
    sum.steps += outcome.steps
    sum.kills += outcome.kills
    sum.effects += outcome.effects.length
    for (const [name, times] of outcome.hits) hits.set(name, (hits.get(name) ?? 0) + times)
    for (const violation of outcome.violations) violated.push({ seed, violation })
  }
  const mayFail = scenario.faults === undefined || scenario.faults.length > 0
  return { seeds, mayFail, ...sum, hits, violated }
}

/**
 * Throws `NotHeld` if a key had a second effect, or anything else of the promise was violated, in any seed;
 * and if not a single effect happened, or faults were allowed and none did: that would prove nothing.
 */
export const expectOneEffectPerKey = (report: Report): void => {
  const first =
    report.violated.find(({ violation }) => violation.invariant === "ONE_EFFECT") ?? report.violated[0]
  if (first !== undefined) {
    const seeds = new Set(report.violated.map(({ seed }) => seed))
    const { detail, invariant } = first.violation
    throw new NotHeld(
      `${invariant}: ${detail}. It was violated in ${seeds.size} of ${report.seeds} seeds; run seed ${first.seed} with keepsTrace to see what happened.`
    )
  }
  if (report.effects === 0) {
    throw new NotHeld(
      "Nothing ever happened in the simulated world, which proves nothing: let the connectors act on the World that they are given."
    )
  }
  if (report.mayFail && report.hits.size === 0) {
    throw new NotHeld("No fault ever happened, which proves little: simulate more seeds.")
  }
}
