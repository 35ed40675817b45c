/**
 * Contest: what all workloads have in common: where they run, the rounds, and what is told of a subject.
 */
import { Effect } from "effect"
import type { SqlError } from "effect/sql"
import type { Schema } from "effect"
import * as Rounds from "../harness/Rounds.ts"
import * as Run from "../harness/Run.ts"
import type { Server } from "../harness/Server.ts"
import { rounded, type Spread, spread } from "../harness/statistics.ts"
import type { Ended } from "../harness/Subject.ts"
import type { Sizes } from "./Sizes.ts"

export interface Where {
  readonly server: Server
  readonly sizes: Sizes
}

export type Failed = Run.Wrong | Ended | SqlError.SqlError | Schema.SchemaError

/** A round: each subject's loads by its name, in the order in which they ran. */
export type Round = Readonly<Record<string, ReadonlyArray<Run.Measured>>>

/**
 * Rounds of these plans by name. The gauge is the plan `naive`: it runs before the others and once more after
 * them. Its rate is of its first load. Of a run that is not whole, those named `optional` are left out.
 */
export const rounds = Effect.fnUntraced(function* (
  name: string,
  { server, sizes }: Where,
  all: Readonly<Record<string, Run.Plan>>,
  optional: ReadonlyArray<string> = []
) {
  const plans = Object.entries(all).filter(([name]) => sizes.isWhole || !optional.includes(name))
  const { naive: gauge, ...others } = Object.fromEntries(plans)
  const round = Effect.fnUntraced(function* (number: number) {
    const seen: Record<string, ReadonlyArray<Run.Measured>> = {}
    const rates: Array<number> = []
    const measureGauge = Effect.gen(function* () {
      if (gauge === undefined) return
      const measured = yield* Run.run(server, gauge, number)
      seen["naive"] ??= measured
      rates.push(measured[0]?.rate ?? 0)
    })
    yield* measureGauge
    for (const [name, plan] of Object.entries(others)) seen[name] = yield* Run.run(server, plan, number)
    if (sizes.isWhole) yield* measureGauge
    return { seen, gauge: rates }
  })
  const kept = yield* Rounds.run({ name, round }, sizes.rounds)
  return kept.map(({ seen }): Round => seen)
})

type Field = Exclude<keyof Run.Measured, "subject">

/** A number of each round. */
export const each = (
  rounds: ReadonlyArray<Round>,
  subject: string,
  field: Field,
  load = 0
): ReadonlyArray<number> => rounds.map((round) => round[subject]?.[load]?.[field] ?? NaN)

/** The spread of one subject's number over another's in the same round. */
export const ratio = (
  rounds: ReadonlyArray<Round>,
  field: Field,
  subject: string,
  baseline: string,
  load = 0
): Spread => {
  const below = each(rounds, baseline, field, load)
  return spread(each(rounds, subject, field, load).map((value, round) => value / (below[round] ?? NaN)))
}

/** What is told of a subject beside the ratios. */
export const told = (rounds: ReadonlyArray<Round>, subject: string, load = 0) => {
  // Who was left out has no numbers: `null` in JSON.
  const median = (field: Field) => rounded(spread(each(rounds, subject, field, load)).median)
  return {
    rate: median("rate"),
    p50: median("p50Millis"),
    p99: median("p99Millis"),
    nodeCpu: median("nodeCpuMillis"),
    postgresCpu: median("postgresCpuMillis")
  }
}

export const range = ({ max, min }: Spread): readonly [number, number] => [rounded(min), rounded(max)]
