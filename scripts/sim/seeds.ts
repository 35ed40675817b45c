/**
 * seeds: a process that simulates the seeds that it is told, a line of JSON for each, and ends when its stdin
 * closes. Beside the parent's `{"from":1,"count":250}` it answers with what they came to.
 */
import { createInterface } from "node:readline"
import * as Simulation from "../../src/testing/simulation/Simulation.ts"
import * as Scenario from "./scenario.ts"

/** What the seeds of a chunk came to. */
export interface Chunk {
  readonly from: number
  readonly count: number
  readonly steps: ReadonlyArray<number>
  readonly kills: number
  readonly replicasMin: number
  readonly hits: Readonly<Record<string, number>>
  readonly violations: ReadonlyArray<Violated>
  /** Seeds that ran twice and were not the same twice. */
  readonly differing: ReadonlyArray<number>
}

export interface Violated {
  readonly seed: number
  readonly invariant: string
  readonly detail: string
}

/** What a seed came to; a simulation that dies is a violation too. */
const simulate = (seed: number): Simulation.Outcome | Violated => {
  try {
    return Simulation.run(Scenario.of(seed), seed)
  } catch (error) {
    return { seed, invariant: "DIED", detail: String(error) }
  }
}

const chunkOf = (from: number, count: number, stopsAtFirst: boolean): Chunk => {
  const steps: Array<number> = []
  const hits: Record<string, number> = {}
  const violations: Array<Violated> = []
  const differing: Array<number> = []
  let kills = 0
  let replicasMin = Infinity
  for (let seed = from; seed < from + count; seed++) {
    const outcome = simulate(seed)
    if ("seed" in outcome) {
      violations.push(outcome)
    } else {
      steps.push(outcome.steps)
      kills += outcome.kills
      replicasMin = Math.min(replicasMin, outcome.replicas)
      for (const [name, times] of outcome.hits) hits[name] = (hits[name] ?? 0) + times
      for (const { detail, invariant } of outcome.violations) violations.push({ seed, invariant, detail })
    }
    if (stopsAtFirst && violations.length > 0) break
    // The first seed of a chunk once more, in a process that has simulated others meanwhile.
    if (seed === from + count - 1 && !stopsAtFirst) {
      const [one, other] = [simulate(from), simulate(from)]
      if (!("digest" in one) || !("digest" in other) || one.digest !== other.digest) differing.push(from)
    }
  }
  return { from, count: steps.length, steps, kills, replicasMin, hits, violations, differing }
}

// Errors are values here, thousands a second: nobody reads where they were made.
Error.stackTraceLimit = 0

for await (const line of createInterface({ input: process.stdin })) {
  const { count, from, stopsAtFirst } = JSON.parse(line) as {
    readonly from: number
    readonly count: number
    readonly stopsAtFirst: boolean
  }
  process.stdout.write(`${JSON.stringify(chunkOf(from, count, stopsAtFirst))}\n`)
}
