/**
 * Seeded: every random choice of a simulation, drawn from one seed. The same seed draws the same.
 *
 * The generator is sfc32: small, fast, and good enough to choose by; nothing secret depends on it.
 */

export interface Seeded {
  /** 32 random bits. */
  readonly bits: () => number
  /** A whole number from 0 up to, and without, `below`. */
  readonly below: (below: number) => number
  /** A whole number between both, both included. */
  readonly between: (least: number, most: number) => number
  /** Whether something of that probability happens. */
  readonly chance: (probability: number) => boolean
  /** One of them. Of an empty list there is none to pick: a defect. */
  readonly pick: <A>(list: ReadonlyArray<A>) => A
}

/** Draws from a seed. Each stream of a seed is independent of its others. */
export const make = (seed: number, stream = 0): Seeded => {
  let a = Math.trunc(seed) | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = (stream * 0x9e3779b9) | 0
  let counter = 1
  const bits = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  // Seeds that are close together are far apart after a few rounds.
  for (let round = 0; round < 12; round++) bits()
  const below = (bound: number): number => Math.floor((bits() / 2 ** 32) * bound)
  return {
    bits,
    below,
    between: (least, most) => least + below(most - least + 1),
    chance: (probability) => bits() < probability * 2 ** 32,
    pick: (list) => {
      const one = list[below(list.length)]
      if (one === undefined) throw new Error("Bug: nothing to pick from")
      return one
    }
  }
}
