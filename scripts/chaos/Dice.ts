/**
 * Dice: every choice of a run, drawn from its seed. What is chosen is the same for the same seed; when it
 * meets a process is the machine's business.
 */

export interface Dice {
  /** From 0 up to 1, 1 excluded. */
  readonly roll: () => number
  readonly between: (least: number, most: number) => number
  readonly whole: (least: number, most: number) => number
  readonly chance: (share: number) => boolean
  readonly oneOf: <A>(choices: readonly [A, ...ReadonlyArray<A>]) => A
}

/** One number for words, spread over 32 bits (FNV-1a with a last mixing). */
const spread = (words: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < words.length; index++) {
    hash = Math.imul(hash ^ words.charCodeAt(index), 0x01000193)
  }
  return mixed(hash)
}

const mixed = (hash: number): number => {
  let bits = hash
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

const range = 2 ** 32

/** The number from 0 up to 1 that belongs to these words: no order of asking changes it. */
export const fixed = (...words: ReadonlyArray<string | number>): number => spread(words.join("|")) / range

/** Dice of their own for each name, so that one part's throws don't change another's. */
export const make = (seed: number, name: string): Dice => {
  const start = spread(`${seed}|${name}`)
  let throws = 0
  const roll = () => mixed(start + Math.imul((throws += 1), 0x9e3779b9)) / range
  const between = (least: number, most: number) => least + roll() * (most - least)
  const whole = (least: number, most: number) => Math.floor(between(least, most + 1))
  return {
    roll,
    between,
    whole,
    chance: (share) => roll() < share,
    // The index is below the length, which is not 0.
    oneOf: <A>(choices: readonly [A, ...ReadonlyArray<A>]) =>
      choices[whole(0, choices.length - 1)] ?? choices[0]
  }
}
