/**
 * Wish: what a worker process is asked for by line, and what it says to it. Both sides import this.
 */
import { Schema } from "effect"

/** Each by what its capability declares; `release` is a lookup with `releaseAfter`, `counted` one with a state. */
export const capabilities = ["hold", "resend", "lookup", "release", "counted", "transact"] as const
export type CapabilityName = (typeof capabilities)[number]

/** One change that is wanted. `n` names the asking: the same change is asked for many times. */
const Wish = Schema.Struct({
  n: Schema.Int,
  capability: Schema.Literals(capabilities),
  entity: Schema.String,
  occasion: Schema.String
})
export type Wish = typeof Wish.Type

export const WishLine = Schema.fromJsonString(Wish)

/** What it came to: `Performed`, or the error's tag; the receipt where the answer has one. */
const Answer = Schema.Struct({
  n: Schema.Int,
  answer: Schema.String,
  receipt: Schema.NullOr(Schema.String)
})
export type Answer = typeof Answer.Type

export const AnswerLine = Schema.fromJsonString(Answer)

/** The key's readable form, as the ledger writes it. */
export const labelOf = ({ capability, entity, occasion }: Omit<Wish, "n">): string =>
  `${capability}:thing-${entity}:${occasion}`
