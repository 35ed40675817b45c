/**
 * Line: what Stripe says, in one line: it is stored, shown and logged.
 *
 * Cut and cleaned in place of refused: a payment with an odd name was made all the same.
 */
import { Schema, SchemaGetter } from "effect"

/** At most 300 characters without control characters. */
export const oneLine = (text: string): string =>
  text
    .slice(0, 1_200)
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .trim()
    .slice(0, 300)
    .toWellFormed()

/** A string of Stripe's, read as one line. */
export const Line = Schema.String.pipe(
  Schema.decode({ decode: SchemaGetter.transform(oneLine), encode: SchemaGetter.passthrough() })
)
