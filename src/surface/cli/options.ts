/**
 * options: what several commands ask for in the same words.
 */
import * as Flag from "effect/cli/Flag"

/** One JSON document on stdout, and nothing else there. */
export const json = Flag.Boolean("json").pipe(
  Flag.withoutNegation,
  Flag.withDefault(false),
  Flag.withDescription("Print one JSON document instead of text")
)

/** Neither empty nor what `doubt show` writes where something is to be filled in. */
const isSaid = (text: string): boolean => text.trim() !== "" && !/^<.*>$/.test(text)

/** In whose name. There is no default: whoever runs the command says who decides. */
export const by = Flag.String("by").pipe(
  Flag.withMetavar("NAME"),
  Flag.filter(isSaid, () => "Expected the name of whoever decides"),
  Flag.withDescription("Who decides; written on the receipt")
)

/** How it is known. */
export const reason = Flag.String("reason").pipe(
  Flag.withMetavar("TEXT"),
  Flag.filter(isSaid, () => "Expected how it is known, in a few words"),
  Flag.withDescription("How it is known; recorded, cut at 2,000 characters")
)
