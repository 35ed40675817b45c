/**
 * Seal: a hash over a range of receipts and over the seal before, so that what was sealed can't be changed,
 * taken away or moved without being found.
 *
 * The chain says nothing about its own end: a tail that is cut off, or a chain that is made anew, is found
 * only against a head that was kept elsewhere.
 */
import { Schema } from "effect"

/** The end of a chain: what to keep elsewhere. `hash` is in hexadecimal; `number` 0 is a chain without a seal. */
export const Head = Schema.Struct({
  chain: Schema.String,
  number: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  hash: Schema.String
})
export type Head = typeof Head.Type

/** A range that was sealed. `rows` stand for `receipts`; `folded` more rows there were before. */
export interface Sealed {
  readonly number: number
  readonly rows: number
  readonly receipts: number
  readonly folded: number
}

/**
 * What is wrong with the chain or with what it seals.
 *
 * - `receipts_missing`, `receipts_added`: a range has fewer or more rows than were sealed
 * - `receipts_changed`: a receipt of a range was changed or moved, or the seal itself was
 * - `seal_missing`: a seal was taken out of the chain
 * - `end_differs`: the ledger's note of the chain's end is not the last seal
 * - `other_chain`: the head is another ledger's, or the chain was begun anew
 * - `tail_missing`: the head is of a later seal than the last one that is there
 * - `rewritten`: the head's seal is there with another hash
 */
export type Finding =
  | {
      readonly _tag: "receipts_missing" | "receipts_added" | "receipts_changed"
      readonly number: number
      readonly from: string
      readonly to: string
      readonly sealed: number
      readonly found: number
    }
  | { readonly _tag: "seal_missing"; readonly number: number }
  | { readonly _tag: "end_differs"; readonly noted: number; readonly found: number }
  | { readonly _tag: "other_chain"; readonly expected: string; readonly found: string }
  | { readonly _tag: "tail_missing" | "rewritten"; readonly number: number; readonly found: number }

/** What verifying came to. Without an exported head it can't tell whether the tail is whole. */
export interface Verification {
  readonly head: Head
  readonly seals: number
  readonly rows: number
  readonly receipts: number
  /** Receipts after the last seal: nothing vouches for them yet. */
  readonly unsealed: number
  readonly tail: "checked" | "unchecked"
  readonly findings: ReadonlyArray<Finding>
}

/** A finding in a sentence. */
export const sentenceOf = (finding: Finding): string => {
  switch (finding._tag) {
    case "receipts_missing":
      return `Seal ${finding.number} (${finding.from} to ${finding.to}): ${finding.sealed - finding.found} of its ${finding.sealed} receipts are missing.`
    case "receipts_added":
      return `Seal ${finding.number} (${finding.from} to ${finding.to}): ${finding.found - finding.sealed} receipts stand among its ${finding.sealed} that were not there when it was made.`
    case "receipts_changed":
      return `Seal ${finding.number} (${finding.from} to ${finding.to}): of its ${finding.sealed} receipts at least one was changed or moved, or the seal itself or the one before was.`
    case "seal_missing":
      return `Seal ${finding.number} is missing.`
    case "end_differs":
      return `The ledger notes seal ${finding.noted} as the last one, and the chain ends with seal ${finding.found}.`
    case "other_chain":
      return `The head is of the chain ${finding.expected}, and this ledger has ${finding.found}: another ledger, or a chain that was begun anew.`
    case "tail_missing":
      return `The head is of seal ${finding.number}, and the chain ends with seal ${finding.found}: what came after it was cut off.`
    case "rewritten":
      return `Seal ${finding.number} is not the one of the head: the chain was rewritten, from there or from before.`
  }
}
