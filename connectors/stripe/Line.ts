/**
 * Line: what Stripe says, in one line: it is stored, shown and logged.
 *
 * Cut and cleaned in place of refused: a payment with an odd name was made all the same.
 */
import { Schema, SchemaGetter } from "effect"
import * as Http from "fibric/connectors/http"

/** At most 300 characters without control characters. */
export const oneLine = (text: string): string => Http.oneLine(text, 300)

/** A string of Stripe's, read as one line. */
export const Line = Schema.String.pipe(
  Schema.decode({ decode: SchemaGetter.transform(oneLine), encode: SchemaGetter.passthrough() })
)
