/**
 * Body: what a request carries, as a value, and the text that stands for it.
 *
 * What is `Redacted` in it is sent as it is and remembered as a secret, so that a provider that repeats it
 * tells nobody. The capability owns what is in it.
 */
import { Redacted, Result } from "effect"
import { UrlParams } from "effect/http"
import { exposed } from "./Headers.ts"

export type Body =
  | { readonly _tag: "Json"; readonly value: unknown }
  | { readonly _tag: "Form"; readonly fields: UrlParams.Input }

/** Anything that JSON has a text for. Members are sorted by name: the same value makes the same bytes. */
export const json = (value: unknown): Body => ({ _tag: "Json", value })

/** Fields of a form. What is nested is written with brackets: `{ card: { name } }` is `card[name]=…`. */
export const form = (fields: UrlParams.Input): Body => ({ _tag: "Form", fields })

/** A body ready to leave. */
export interface Encoded {
  readonly type: string
  readonly text: string
  readonly secrets: ReadonlyArray<Redacted.Redacted>
}

/** The body's text, or why it has none. */
export const encode = (body: Body): Result.Result<Encoded, string> =>
  body._tag === "Json" ? encodeJson(body.value) : encodeForm(body.fields)

const encodeForm = (given: UrlParams.Input): Result.Result<Encoded, string> =>
  Result.map(fieldsOf(given), (fields) => ({
    type: "application/x-www-form-urlencoded",
    text: new URLSearchParams(
      fields.map(([name, value]): [string, string] => [name, exposed(value)])
    ).toString(),
    secrets: fields.map(([, value]) => value).filter((value) => Redacted.isRedacted(value))
  }))

type Field = readonly [name: string, value: string | Redacted.Redacted]

/** Fields of a form or a query, one by one, or why they have no form. */
export const fieldsOf = (given: UrlParams.Input): Result.Result<ReadonlyArray<Field>, string> =>
  Result.gen(function* () {
    const { params } = yield* Result.mapError(
      Result.try(() => UrlParams.fromInput(given)),
      () => "its fields have no form; perhaps there is a circle in them"
    )
    // What can be gone through is in pairs already.
    if (!(Symbol.iterator in given) && listsObjects(given)) {
      return yield* Result.fail("its fields have a list of objects, for which forms have no common way")
    }
    return yield* Result.all(params.map(fieldOf))
  })

const listsObjects = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(isObject)
    : isObject(value) && Object.values(value).some((member) => listsObjects(member))

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Redacted.isRedacted(value)

const fieldOf = ([name, value]: Field): Result.Result<Field, string> => {
  if (!Redacted.isRedacted(value)) return Result.succeed([name, value])
  const secret = revealed(value)
  return isObject(secret)
    ? Result.fail("one of its fields is an object in secret")
    : Result.succeed([name, Redacted.make(String(secret))])
}

const revealed = (value: unknown): unknown =>
  Redacted.isRedacted(value) ? revealed(Redacted.value(value)) : value

const encodeJson = (value: unknown): Result.Result<Encoded, string> => {
  const secrets: Array<Redacted.Redacted> = []
  const remember = (_name: string, leaf: unknown): unknown => {
    if (typeof leaf === "string" || typeof leaf === "number") secrets.push(Redacted.make(String(leaf)))
    return leaf
  }
  const write = (whole: unknown): string | undefined =>
    // A function of its own `this`: what is `Redacted` has become a placeholder in the second argument.
    JSON.stringify(whole, function (this: Readonly<Record<string, unknown>>, name, member: unknown) {
      const given = Redacted.isRedacted(this[name]) ? this[name] : member
      if (!Redacted.isRedacted(given)) return sorted(given)
      const secret = write(Redacted.value(given))
      // All that is written of it is secret, whatever it was.
      return secret === undefined ? undefined : (JSON.parse(secret, remember) as unknown)
    })
  const text = Result.try(() => write(value))
  // JSON has no text for circles and big integers, nor for `undefined` and functions.
  return Result.isFailure(text) || text.success === undefined
    ? Result.fail("its body has no JSON form")
    : Result.succeed({ type: "application/json", text: text.success, secrets })
}

const sorted = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value
