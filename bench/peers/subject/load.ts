/**
 * load: the callers, the same for every peer. So many requests at once, the next as soon as one is
 * answered, each timed from the moment it is made until its outcome is durable.
 */
import type { Request } from "./Subject.ts"

/** How many requests are under way at once in every workload. */
export const inFlight = 256

export interface Timing {
  /** Requests answered in a second. */
  readonly rate: number
  /** How long 99 of 100 requests took at most. */
  readonly p99Millis: number
}

const quantile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN

/** Makes the requests, and times them. Fails with the first that fails. */
export const run = async (
  requests: ReadonlyArray<Request>,
  ask: (request: Request) => Promise<unknown>
): Promise<Timing> => {
  const latencies = new Float64Array(requests.length)
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < requests.length) {
      const index = next++
      const asked = performance.now()
      // The index is below the length.
      await ask(requests[index] as Request)
      latencies[index] = performance.now() - asked
    }
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: Math.min(inFlight, requests.length) }, caller))
  const seconds = (performance.now() - begun) / 1_000
  return { rate: requests.length / seconds, p99Millis: quantile(latencies.sort(), 0.99) }
}

/** Requests for distinct effects, each on an entity of its own. */
export const apart = (series: string, count: number): ReadonlyArray<Request> =>
  Array.from({ length: count }, (_, index) => ({
    key: `${series}-${index}`,
    entity: `${series}-${index}`,
    series
  }))

/** Requests for distinct effects on one entity. */
export const hot = (series: string, count: number): ReadonlyArray<Request> =>
  apart(series, count).map((request) => ({ ...request, entity: series }))

/** As many requests for each key, in an order that looks random and is the same for every peer. */
export const repeated = (series: string, count: number, keys: number): ReadonlyArray<Request> => {
  const distinct = apart(series, keys)
  const order = Array.from({ length: count }, (_, index) => distinct[index % keys] as Request)
  let seed = 657
  for (let last = order.length - 1; last > 0; last--) {
    // The generator of Numerical Recipes: nothing hangs on its quality but that it is everywhere.
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    const other = seed % (last + 1)
    const kept = order[last] as Request
    order[last] = order[other] as Request
    order[other] = kept
  }
  return order
}
