/**
 * report: what is to be said of a run, in numbers: what was done to it, what it came to, and the verdict.
 */
import * as Clocks from "./Clocks.ts"
import type { Options } from "./ground.ts"
import { sentAfterDoubt } from "./judge/history.ts"
import type { Record } from "./judge/Record.ts"
import { counted, type Numbers, tooLittle, type Verdict, verdictOf, violations } from "./judge/verdict.ts"
import type { Violation } from "./judge/Violation.ts"
import type { Counts } from "./nemesis.ts"
import type { Loss } from "./Wire.ts"

/** What was done to a run. */
export interface Done extends Counts {
  readonly cuts: Readonly<{ [name in Loss]: number }>
  /** Worker processes. */
  readonly started: number
  /** How often the server has met a full disk. */
  readonly fullDisks: number
  readonly healedSeconds: number
  readonly seconds: number
}

type Tally = Readonly<{ [name: string]: number }>

export interface Report extends Numbers {
  readonly seed: number
  /** Further faults, and what else tells how much the run has seen. */
  readonly also: Readonly<{ [name: string]: number | Tally }>
  readonly violations: ReadonlyArray<Violation>
  readonly little: ReadonlyArray<string>
  readonly verdict: Verdict
}

export const make = (options: Options, record: Record, done: Done): Report => {
  const { cuts, healedSeconds, kills, restarts, seconds, stops, ...others } = done
  const numbers: Numbers = {
    kills,
    stops,
    restarts,
    cuts: Object.values(cuts).reduce((sum, count) => sum + count, 0),
    ...counted(record)
  }
  const found = violations(record)
  const skewed = Clocks.skewed(record)
  const little = [
    ...tooLittle(numbers, options.seconds),
    ...(options.stage === "disk-full" && done.fullDisks === 0 ? ["the server has met no full disk"] : []),
    ...(options.stage === "clocks" && skewed === 0 ? ["no receipt was written by a wrong clock"] : [])
  ]
  return {
    seed: options.seed,
    ...numbers,
    also: {
      ...others,
      asked: record.asked.length,
      keys: record.rows.length,
      receipts: record.receipts.length,
      seals: record.verification.seals,
      skewed,
      sentAfterDoubt: sentAfterDoubt(record),
      seconds: { healed: Math.round(healedSeconds), all: Math.round(seconds) },
      cuts,
      outcomes: tally(record.receipts.map(({ outcome }) => outcome)),
      states: tally(record.rows.map(({ state }) => state)),
      heard: tally(record.asked.map(({ answer, died }) => answer?.answer ?? (died ? "died" : "nothing")))
    },
    violations: found,
    little,
    verdict: verdictOf(found, little)
  }
}

const tally = (names: ReadonlyArray<string>): Tally =>
  Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, own]) => [name, own.length]))
