/**
 * judge: what the outside world has seen, in numbers. Whatever the workers believe, overlaps, repeats and
 * waits are counted here.
 */
import type { Happened } from "./OutsideWorld.ts"

/** How often an effect of an entity began while another one of it had not ended. */
export const overlaps = (happened: ReadonlyArray<Happened>): number => {
  const busyUntil = new Map<string, number>()
  let found = 0
  for (const { beganAt, endedAt, entity } of [...happened].sort((a, b) => a.beganAt - b.beganAt)) {
    const until = busyUntil.get(entity) ?? -Infinity
    if (beganAt < until) found += 1
    busyUntil.set(entity, Math.max(until, endedAt ?? Infinity))
  }
  return found
}

/** How many effects there are beyond the first one of each intended change. */
export const duplicates = (happened: ReadonlyArray<Pick<Happened, "entity" | "occasion">>): number =>
  happened.length - new Set(happened.map(({ entity, occasion }) => JSON.stringify([entity, occasion]))).size

/** Durations in whole milliseconds. */
export interface Durations {
  readonly mean: number
  readonly median: number
  readonly p99: number
  readonly longest: number
}

const durations = (millis: ReadonlyArray<number>): Durations => {
  const sorted = [...millis].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0)
  const sum = sorted.reduce((sum, wait) => sum + wait, 0)
  return {
    mean: Math.round(sum / Math.max(1, sorted.length)),
    median: at(0.5),
    p99: at(0.99),
    longest: at(1)
  }
}

/** Waits from the ask to the beginning of the effect. */
export const waits = (happened: ReadonlyArray<Happened>): Durations & { readonly effects: number } => ({
  effects: happened.length,
  ...durations(happened.map(({ waitedMillis }) => waitedMillis))
})

/** From the end of an effect to the beginning of the entity's next one. */
export const handovers = (happened: ReadonlyArray<Happened>): Durations => {
  const freeAt = new Map<string, number>()
  const gaps: Array<number> = []
  for (const { beganAt, endedAt, entity } of [...happened].sort((a, b) => a.beganAt - b.beganAt)) {
    const before = freeAt.get(entity)
    if (before !== undefined) gaps.push(beganAt - before)
    if (endedAt !== null) freeAt.set(entity, endedAt)
  }
  return durations(gaps)
}

const warmUpMillis = 1_000

/** What was asked for after the first second: before that, code is being compiled and connections are opened. */
export const warm = (happened: ReadonlyArray<Happened>): ReadonlyArray<Happened> => {
  const first = Math.min(...happened.map(({ beganAt }) => beganAt))
  return happened.filter(({ beganAt, waitedMillis }) => beganAt - waitedMillis >= first + warmUpMillis)
}

/** A ratio with two decimals. */
export const ratio = (a: number, b: number): number => (b === 0 ? 0 : Math.round((a / b) * 100) / 100)
