/**
 * Load: what a subject is asked to do, and what it says of it. The harness and the subjects' processes
 * import this; a load names the same requests, in the same order, in every process.
 */
import { Schema } from "effect"

/**
 * - `distinct`: each request is for a key of its own, on an entity of its own
 * - `same`: all requests are for one key
 * - `shuffled`: every key is asked for equally often, in an order that looks random and is always the same
 * - `hot`: each request is for a key of its own, all on one entity
 */
const Shape = Schema.Literals(["distinct", "same", "shuffled", "hot"])

export const Load = Schema.Struct({
  shape: Shape,
  /** Tells the entities of one load from those of another. */
  name: Schema.NonEmptyString,
  requests: Schema.Int,
  /** How many keys a `shuffled` load has; the others know it. */
  keys: Schema.Int,
  /** The number of the first entity of a `distinct` load. */
  from: Schema.Int,
  /** How many requests are under way at once. */
  inFlight: Schema.Int,
  /** How often the whole is done, each time under another name; the time is the median of all. */
  bursts: Schema.Int
})
export type Load = typeof Load.Type

/** What became of a load. */
export const Said = Schema.Struct({
  /** Milliseconds of one burst, from its first request to its last answer. */
  millis: Schema.Finite,
  /** How long a request took, in milliseconds. */
  p50Millis: Schema.Finite,
  p99Millis: Schema.Finite,
  /** How often the connector was called. */
  effects: Schema.Int,
  requests: Schema.Int,
  /** How many different receipts the answers named, over all bursts. */
  receipts: Schema.Int,
  /** How many keys were answered with more than one receipt. */
  torn: Schema.Int,
  /** What the process computed meanwhile, in milliseconds over all bursts. */
  cpuMillis: Schema.Finite,
  /** How old the process was at its first answer. */
  firstReplyMillis: Schema.Finite
})
export type Said = typeof Said.Type

/** A request as both kinds of subject are given it. */
export interface Wish {
  readonly entity: string
  readonly occasion: string
}

const wish = (entity: string, occasion = "once"): Wish => ({ entity, occasion })

/** The requests of one burst, in their order. */
export const wishes = (load: Load, burst = 0): ReadonlyArray<Wish> => {
  const name = load.bursts === 1 ? load.name : `${load.name}.${burst}`
  const numbers = Array.from({ length: load.requests }, (_, index) => index)
  switch (load.shape) {
    case "distinct":
      return numbers.map((number) => wish(`${name}-${load.from + number}`))
    case "same":
      return numbers.map(() => wish(name))
    case "hot":
      return numbers.map((number) => wish(name, `${number}`))
    case "shuffled":
      return shuffled(numbers).map((number) => wish(`${name}-${number % load.keys}`))
  }
}

/** How many keys a load has, over all bursts. */
export const keysOf = ({ bursts, keys, requests, shape }: Load): number =>
  bursts * { distinct: requests, hot: requests, same: 1, shuffled: keys }[shape]

/** Fisher and Yates, with the dice of xorshift from one seed. */
const shuffled = (numbers: ReadonlyArray<number>): ReadonlyArray<number> => {
  const result = [...numbers]
  let state = 0x2545f491
  for (let at = result.length - 1; at > 0; at--) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    const other = (state >>> 0) % (at + 1)
    const taken = result[at] ?? 0
    result[at] = result[other] ?? 0
    result[other] = taken
  }
  return result
}
