/**
 * Sizes: how much each workload asks for. Everybody in a run is asked for the same.
 */
import type { Load } from "../Load.ts"

export interface Sizes {
  readonly rounds: number
  /** Whether all of it runs: the gauge, a second time too, and whoever no ratio needs. */
  readonly isWhole: boolean
  readonly inFlight: number
  /** Effects before the clock starts. */
  readonly warm: number
  readonly first: number
  readonly repeats: number
  readonly repeatKeys: number
  /** The requests of one key at once, and how often that is done. */
  readonly burst: number
  readonly bursts: number
  readonly hot: number
  readonly cold: number
  /** Effects whose flushes are counted. */
  readonly flushed: number
  /** Entities that pass through a process. */
  readonly entities: number
  /** Settled keys that an old ledger holds. */
  readonly settled: number
}

export const full: Sizes = {
  rounds: 5,
  isWhole: true,
  inFlight: 256,
  warm: 500,
  first: 20_000,
  repeats: 100_000,
  repeatKeys: 1_000,
  burst: 657,
  bursts: 15,
  hot: 2_000,
  cold: 20_000,
  flushed: 1_000,
  entities: 1_000_000,
  settled: 10_000_000
}

/** One small iteration, to see that the harness is whole. Its numbers mean nothing. */
export const quick: Sizes = {
  ...full,
  rounds: 1,
  isWhole: false,
  warm: 50,
  first: 500,
  repeats: 2_000,
  repeatKeys: 50,
  bursts: 1,
  hot: 100,
  cold: 300,
  flushed: 40,
  entities: 3_000,
  settled: 20_000
}

/** A share of the work; how much is under way at once stays. */
export const scaled = (sizes: Sizes, share: number): Sizes => {
  const of = (count: number) => Math.max(1, Math.round(count * share))
  const repeatKeys = of(sizes.repeatKeys)
  return {
    ...sizes,
    // Evenly divided between two processes.
    first: 2 * of(sizes.first / 2),
    repeats: (sizes.repeats / sizes.repeatKeys) * repeatKeys,
    repeatKeys,
    hot: of(sizes.hot),
    cold: of(sizes.cold),
    entities: of(sizes.entities),
    settled: of(sizes.settled)
  }
}

/** Requests for a key each, on an entity each. */
export const distinct = (name: string, requests: number, inFlight: number, from = 0): Load => ({
  shape: "distinct",
  name,
  requests,
  keys: requests,
  from,
  inFlight,
  bursts: 1
})
