/**
 * statistics: the middle of several rounds, and how far they lie apart.
 */

/** The median of the rounds, with the least and the most. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (index: number) => sorted[index] ?? NaN
  const half = (sorted.length - 1) / 2
  return {
    median: (at(Math.floor(half)) + at(Math.ceil(half))) / 2,
    min: at(0),
    max: at(sorted.length - 1)
  }
}

/** To so many digits that count: more would not be there another time. */
export const rounded = (value: number, digits = 3): number => Number(value.toPrecision(digits))
