/**
 * crowd: workers that all want the same entities, all the time. Who comes how often, how long he waits at
 * most, and by what he learns that it is his turn.
 */
import { Effect } from "effect"
import type { Bounds, Command } from "./Command.ts"
import * as Judge from "./judge.ts"
import * as Workers from "./Workers.ts"

export interface Crowd {
  readonly name: string
  readonly workers: number
  readonly entities: number
  /** How many asks each worker keeps under way for each entity. */
  readonly atOnce: number
  readonly capabilities: (Command & { readonly _tag: "Loop" })["capabilities"]
  readonly seconds: number
  /** Claims and settles without standing in line, in place of asking; what it is for stands in `storm.ts`. */
  readonly storms?: boolean
  readonly bounds?: Bounds
}

const holdMillis = 5

const namesOf = ({ entities, name }: Crowd) =>
  Array.from({ length: entities }, (_, index) => `${name}-${index + 1}`)

/** Four workers and ten entities: what wants no state. */
export const hot = { workers: 4, entities: 10, capabilities: ["plain"] } as const

/** Lets them ask, and counts when all have been answered and everything is idle. */
export const watch = Effect.fnUntraced(function* (crowd: Crowd, where: Workers.Where) {
  const { atOnce, bounds, capabilities, seconds, storms = false } = crowd
  const names = Array.from({ length: crowd.workers }, (_, index) => `worker-${index + 1}`)
  const { workers, world } = yield* Workers.start(where, names, bounds)
  const { totals } = where.database
  const before = yield* totals
  const entities = namesOf(crowd)
  const asking = { entities, atOnce, seconds, holdMillis }
  const command: Command = storms ? { _tag: "Storm", ...asking } : { _tag: "Loop", capabilities, ...asking }
  yield* Effect.forEach(workers, ({ tell }) => tell(command), { discard: true })
  const said = yield* Effect.forEach(workers, ({ said }) => said, { concurrency: "unbounded" })
  // A lane goes away, and leaves the line, right after its last turn.
  const placesLeft = yield* Workers.eventually(where.database.places, (places) => places === 0, 80)
  const openKeys = yield* where.database.open
  // Their connections write down what Postgres has counted when they end.
  yield* Effect.forEach(workers, ({ dismiss }) => dismiss, { concurrency: "unbounded" })
  const after = yield* Workers.eventually(totals, ({ commits }) => commits > before.commits)
  const happened = yield* world.happened
  const warm = Judge.warm(happened)
  return {
    happened,
    entities,
    report: {
      seconds,
      performed: said.reduce((sum, { performed }) => sum + performed, 0),
      failed: Workers.sum(said.map(({ failed }) => failed)),
      overlaps: Judge.overlaps(happened),
      duplicates: Judge.duplicates(happened),
      all: Judge.waits(warm),
      workers: names.map((worker) => ({
        worker,
        ...Judge.waits(warm.filter((effect) => effect.worker === worker))
      })),
      longestByMean: Judge.ratio(Judge.waits(warm).longest, Judge.waits(warm).mean),
      // How long an entity's lane was empty between two effects.
      handover: Judge.handovers(warm),
      events: Workers.sum(said.map(({ events }) => events)),
      statements: Workers.statements(said),
      commitsByEffect: Judge.ratio(after.commits - before.commits, happened.length),
      deadlocks: after.deadlocks - before.deadlocks,
      placesLeft,
      openKeys
    }
  }
}, Effect.scoped)

export type Report = Effect.Success<ReturnType<typeof watch>>["report"]

/** The numbers alone. */
export const run = (crowd: Crowd, where: Workers.Where) =>
  Effect.map(watch(crowd, where), ({ report }) => report)

/** The longest wait of any worker, in means of all waits. */
const fairRatio = 3

/** Who had to wait for too long, as sentences. */
export const unfair = ({ all: { mean }, workers }: Report): ReadonlyArray<string> =>
  workers
    .filter(({ longest }) => longest > fairRatio * mean)
    .map(({ longest, worker }) => `${worker} once waited ${longest} ms, and the mean is ${mean} ms`)

/** What must hold of every crowd, as sentences; nothing where all is well. */
export const surprises = (report: Report): ReadonlyArray<string> => {
  const { deadlocks, duplicates, events, failed, openKeys, overlaps, performed, placesLeft, workers } = report
  const zero = {
    overlaps,
    duplicates,
    deadlocks,
    placesLeft,
    openKeys,
    unavailable: events["unavailable"] ?? 0
  }
  return [
    ...Object.entries(zero).flatMap(([name, count]) =>
      count === 0 ? [] : [`${name} is ${count} and has to be 0`]
    ),
    ...Object.entries(failed).map(([error, count]) => `${count} asks were answered ${error}`),
    ...workers.flatMap(({ effects, worker }) => (effects === 0 ? [`${worker} had no effect`] : [])),
    ...(performed === 0 ? ["nothing was performed"] : [])
  ]
}
