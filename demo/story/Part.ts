/**
 * Part: what a part of the story comes to: its counts, and what it claims about them. A claim that does
 * not hold fails the demo.
 */

/** A sentence, and whether the run held it. */
export type Claim = readonly [sentence: string, holds: boolean]

export interface Part<Counts> {
  readonly counts: Counts
  readonly claims: ReadonlyArray<Claim>
}

/** Names what the part counted, and what must hold. */
export const part = <Counts>(counts: Counts, ...claims: ReadonlyArray<Claim>): Part<Counts> => ({
  counts,
  claims
})
