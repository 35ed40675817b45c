/**
 * Trace: what happened in a simulation, in its order, as one number to compare and, where it is wanted,
 * as lines to read. The same seed gives the same trace; a trace that differs means that something came
 * from outside of the seed.
 */

export interface Trace {
  /** Notes that something happened. The words are only made where somebody reads them. */
  readonly note: (code: number, words: () => string) => void
  /** All of it so far, as 16 hexadecimal digits. */
  readonly digest: () => string
  readonly lines: ReadonlyArray<string>
}

/** FNV-1a over whole words, twice with different beginnings. */
const prime = 0x01000193

export const make = (keepsLines: boolean): Trace => {
  const lines: Array<string> = []
  let one = 0x811c9dc5
  let other = 0x9747b28c
  const mix = (word: number): void => {
    one = Math.imul(one ^ word, prime)
    other = Math.imul(other ^ (word >>> 13) ^ (word << 7), prime)
  }
  return {
    note: (code, words) => {
      mix(code)
      if (keepsLines) lines.push(words())
    },
    digest: () => (one >>> 0).toString(16).padStart(8, "0") + (other >>> 0).toString(16).padStart(8, "0"),
    lines
  }
}

/** A short text as one word. */
export const wordOf = (text: string): number => {
  let word = 0x811c9dc5
  for (let index = 0; index < text.length; index++) word = Math.imul(word ^ text.charCodeAt(index), prime)
  return word
}
