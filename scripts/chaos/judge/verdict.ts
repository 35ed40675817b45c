/**
 * verdict: all that must not be, looked for in the record of a run, and whether enough has happened for
 * its absence to say anything.
 */
import { lost, unlogged } from "./answers.ts"
import { duplicates, overlaps, phantoms, unclaimed } from "./effects.ts"
import { chain, crashed, states, stuck } from "./ends.ts"
import * as History from "./history.ts"
import { effectsOf, type Record } from "./Record.ts"
import type { Name, Violation } from "./Violation.ts"

/** What was done to the run, and what it did. */
export interface Numbers {
  readonly kills: number
  readonly stops: number
  readonly restarts: number
  readonly cuts: number
  readonly effects: number
  readonly answers: number
  /** The share of keys that are settled or released, of those that were ever claimed. */
  readonly definite: number
}

/** In a minute at least; a run shows nothing with less. */
const minima = { kills: 100, stops: 50, restarts: 3, cuts: 20, effects: 200 } as const
const leastDefinite = 0.7

/** What of it is too little for a run of so many seconds. */
export const tooLittle = (numbers: Numbers, seconds: number): ReadonlyArray<string> => [
  // The keys of a literal are its type's.
  ...(Object.keys(minima) as ReadonlyArray<keyof typeof minima>).flatMap((name) => {
    const least = Math.max(1, Math.floor((minima[name] * seconds) / 60))
    return numbers[name] < least ? [`${numbers[name]} ${name} of at least ${least}`] : []
  }),
  ...(numbers.definite < leastDefinite ? [`a definite share of ${numbers.definite}`] : [])
]

/** In the order of their weight. */
export const violations = (record: Record): ReadonlyArray<Violation> => {
  const histories = History.make(record)
  return [
    ...duplicates(record),
    ...overlaps(record, histories),
    ...phantoms(record, histories),
    ...lost(record),
    ...unclaimed(record),
    ...states(record),
    ...stuck(record),
    ...unlogged(record),
    ...chain(record),
    ...crashed(record)
  ]
}

export type Verdict = "ok" | Name | "VACUOUS"

export const verdictOf = (found: ReadonlyArray<Violation>, little: ReadonlyArray<string>): Verdict =>
  found[0]?.name ?? (little.length > 0 ? "VACUOUS" : "ok")

const definiteStates: ReadonlySet<string> = new Set(["done", "refused", "released", "abandoned"])

/** What a record says in numbers. */
export const counted = (record: Record): Pick<Numbers, "effects" | "answers" | "definite"> => {
  const definite = record.rows.filter(({ state }) => definiteStates.has(state)).length
  return {
    effects: effectsOf(record).length,
    answers: record.asked.filter(({ answer }) => answer !== undefined).length,
    definite: Math.floor((definite / Math.max(1, record.rows.length)) * 100) / 100
  }
}
