/**
 * DatabaseWords: what the database or the socket said about a statement that failed. The client's own
 * message says little, and what it was told is in one form from the server and in another from the wire.
 */
import { Predicate } from "effect"
import type { SqlError } from "effect/sql"

/** Its words, for a person. */
export const wordsOf = ({ reason: { cause } }: SqlError.SqlError): string =>
  Predicate.hasProperty(cause, "message") ? String(cause.message) : String(cause)
