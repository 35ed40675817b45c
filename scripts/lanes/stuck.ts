/**
 * stuck: a worker that has a place in line and does not come, because it is stopped or killed. The others
 * go on within bounds; whoever was only stopped gets its turn in the end.
 *
 *     holder   ├── effect ──┤ release
 *     stuck        in line ✕
 *     next             in line        ├ effect          the gap: from the release to this
 */
import { Effect } from "effect"
import type { Bounds } from "./Command.ts"
import * as Judge from "./judge.ts"
import * as Workers from "./Workers.ts"

const bounds = {
  leaseMillis: 6_000,
  beatMillis: 1_000,
  reapMillis: 1_000,
  turnMillis: 1_500,
  pollMillis: 20,
  maxPollMillis: 250
} as const satisfies Bounds

/** For statements and a busy machine, and for three looks at the line: one calls, one sends to the tail, one comes. */
const marginMillis = 1_000

/** The most that the others may wait beyond the release. */
const gapBoundMillis = bounds.turnMillis + bounds.maxPollMillis + marginMillis

const holdMillis = 2_500

/** How long the others are watched after the release: they go on at all. */
const roundsAfter = 3

const watch = Effect.fnUntraced(function* (signal: "SIGSTOP" | "SIGKILL", where: Workers.Where) {
  const entity = signal.toLowerCase()
  const names = ["holder", "stuck", "next"].map((name) => `${name}-${entity}`)
  const { workers, world } = yield* Workers.start(where, names, bounds)
  const [holder, stuck, next] = workers
  if (holder === undefined || stuck === undefined || next === undefined)
    return yield* Effect.die("Bug: three")
  const ask = (worker: Workers.Worker, occasion: string, holdMillis: number) =>
    worker.tell({ _tag: "Ask", capability: "plain", entity, occasion, holdMillis })
  const effectOf = (occasion: string, isOver: boolean, times?: number) =>
    Workers.eventually(
      Effect.map(world.happened, (happened) => happened.find((effect) => effect.occasion === occasion)),
      (effect) => effect !== undefined && (!isOver || effect.endedAt !== null),
      times
    )
  const inLine = (places: number) =>
    Effect.map(
      Workers.eventually(where.database.placesOf(entity), (found) => found >= places, 40),
      (found) => found >= places
    )

  yield* ask(holder, "holder", holdMillis)
  yield* effectOf("holder", false)
  yield* ask(stuck, "stuck", 5)
  const stuckInLine = yield* inLine(1)
  yield* stuck.signal(signal)
  yield* ask(next, "next-1", 5)
  const nextInLine = yield* inLine(2)
  const released = (yield* effectOf("holder", true))?.endedAt ?? NaN
  const gaps: Array<number> = []
  let freeAt = released
  for (let round = 1; round <= roundsAfter; round++) {
    const effect = yield* effectOf(`next-${round}`, true)
    if (effect?.endedAt === undefined || effect.endedAt === null) break
    gaps.push(Math.round(effect.beganAt - freeAt))
    freeAt = effect.endedAt
    if (round < roundsAfter) yield* ask(next, `next-${round + 1}`, 5)
  }
  if (signal === "SIGSTOP") yield* stuck.signal("SIGCONT")
  const late = signal === "SIGSTOP" ? yield* effectOf("stuck", true) : undefined
  const placesLeft = yield* Workers.eventually(where.database.placesOf(entity), (places) => places === 0)
  const happened = yield* world.happened
  return {
    signal,
    stuckInLine,
    nextInLine,
    gaps,
    boundMillis: gapBoundMillis,
    cameInTheEnd: late?.endedAt !== undefined && late.endedAt !== null,
    stuckWaitedMillis: Math.round(late?.waitedMillis ?? 0),
    overlaps: Judge.overlaps(happened),
    duplicates: Judge.duplicates(happened),
    placesLeft
  }
}, Effect.scoped)

type Report = Effect.Success<ReturnType<typeof watch>>

const surprises = (report: Report): ReadonlyArray<string> => {
  const { boundMillis, cameInTheEnd, duplicates, gaps, nextInLine, overlaps, placesLeft, signal } = report
  return [
    ...(report.stuckInLine && nextInLine ? [] : ["the places in line were not taken as planned"]),
    ...(gaps.length === roundsAfter ? [] : [`only ${gaps.length} effects of the others came`]),
    ...gaps.filter((gap) => gap > boundMillis).map((gap) => `a gap of ${gap} ms, bound ${boundMillis} ms`),
    ...(signal === "SIGKILL" || cameInTheEnd ? [] : ["who was stopped never got its turn"]),
    ...Object.entries({ overlaps, duplicates, placesLeft }).flatMap(([name, count]) =>
      count === 0 ? [] : [`${name} is ${count} and has to be 0`]
    )
  ].map((sentence) => `${signal}: ${sentence}`)
}

/** Both, beside each other: most of it is waiting. */
export const run = Effect.fnUntraced(function* (where: Workers.Where) {
  const [stopped, killed] = yield* Effect.all([watch("SIGSTOP", where), watch("SIGKILL", where)], {
    concurrency: 2
  })
  return { report: { stopped, killed }, surprises: [stopped, killed].flatMap(surprises) }
})
