/**
 * Named: what every object that is made here carries, so that it can be found again: the key of the call, in
 * its metadata.
 *
 * The key is opaque and says nothing about a customer. Whoever has it can ask Stripe what became of the call
 * long after Stripe has forgotten it as an idempotency key.
 */
import { Schema } from "effect"
import { OutcomeUnknown } from "fibric"
import { Line } from "./Line.ts"

/** The metadata's name for the key. */
export const keyName = "fibric_key"

/** Stripe takes 50 entries (docs: Metadata); one is ours. */
const mostEntries = 49

/**
 * Names and values of one's own: at most 49, names of up to 40 characters without square brackets, values
 * of up to 500. Checked as a whole: a schema of the names would drop one that does not fit without a word.
 */
export const Metadata = Schema.Record(
  Schema.String,
  Schema.NonEmptyString.check(Schema.isMaxLength(500))
).check(
  Schema.isMaxProperties(mostEntries),
  Schema.makeFilter((metadata: { readonly [name: string]: string }) => {
    const name = Object.keys(metadata).find(
      (name) => !/^[^[\]]{1,40}$/u.test(name) || name === keyName || name === "__proto__"
    )
    return name === undefined || `${JSON.stringify(name)} can't be a name of metadata here`
  })
)
export type Metadata = typeof Metadata.Type

/** The entries in one order, and the key: the same call makes the same bytes. */
export const named = (metadata: Metadata | undefined, key: string): Record<string, string> =>
  Object.fromEntries([
    ...Object.entries(metadata ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    [keyName, key]
  ])

/** Stripe's id of an object: `pi_…`, `cus_…`. */
export const Id = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_]{1,255}$/, { message: "Expected an id of Stripe's, such as pi_3MtwBw" })
)

/** Parts of Stripe's objects that are read from answers. */
export const common = {
  id: Line.check(Schema.isNonEmpty()),
  status: Line,
  amount: Schema.Int,
  currency: Line,
  metadata: Schema.NullOr(Schema.Record(Schema.String, Schema.String))
}

/** Whether the object was made by the call. */
export const isNamed = (object: { readonly metadata: Metadata | null }, key: string): boolean =>
  object.metadata?.[keyName] === key

/** Tells whoever has to decide what to look for. */
export const lookedForBy = ({ reason }: OutcomeUnknown, key: string): OutcomeUnknown =>
  new OutcomeUnknown({ reason: `${reason}; look for the metadata ${keyName} ${key}` })
