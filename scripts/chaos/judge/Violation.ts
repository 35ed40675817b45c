/**
 * Violation: one thing that must not be, by its name.
 *
 * - `DUPLICATE`: more than one effect of a key that nobody's word has released
 * - `OVERLAP`: two keys of one entity that held its lane at once, with an effect under way in the world
 * - `PHANTOM`: a receipt says that it happened and it did not, or proves that it did not and it did
 * - `LOST`: what a caller was told is not what the ledger says, or callers were told of different receipts
 * - `NO-CLAIM`: an effect whose attempt the ledger does not know, or that arrived before it was claimed
 * - `STATE`: an entity's state is not what its settled changes come to
 * - `STUCK`: a key that stays under way, a recovery that nobody does, an asking that nobody answers
 * - `UNLOGGED`: more was answered than stands in receipts, or more stands there than was asked
 * - `CHAIN`: the seals do not verify
 * - `CRASHED`: a worker ended by itself
 */
export const names = [
  "DUPLICATE",
  "OVERLAP",
  "PHANTOM",
  "LOST",
  "NO-CLAIM",
  "STATE",
  "STUCK",
  "UNLOGGED",
  "CHAIN",
  "CRASHED"
] as const
export type Name = (typeof names)[number]

export interface Violation {
  readonly name: Name
  readonly sentence: string
}
