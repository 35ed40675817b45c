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
  body._tag === "Json" ? encodeJson(body.value) : Result.succeed(encodeForm(body.fields))

const encodeForm = (fields: UrlParams.Input): Encoded => {
  const params = [...UrlParams.fromInput(fields)]
  const plain = params.map(([name, value]): [string, string] => [name, exposed(value)])
  return {
    type: "application/x-www-form-urlencoded",
    text: new URLSearchParams(plain).toString(),
    secrets: params.map(([, value]) => value).filter((value) => Redacted.isRedacted(value))
  }
}

const encodeJson = (value: unknown): Result.Result<Encoded, string> => {
  const secrets: Array<Redacted.Redacted> = []
  const text = Result.try((): string | undefined =>
    // A function of its own `this`: what is `Redacted` has become a placeholder in the second argument.
    JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, name, member: unknown) {
      const given = this[name]
      if (!Redacted.isRedacted(given)) return sorted(member)
      const secret = Redacted.value(given)
      if (typeof secret === "string") secrets.push(Redacted.make(secret))
      return sorted(secret)
    })
  )
  // JSON has no text for circles and big integers, nor for `undefined` and functions.
  return Result.isFailure(text) || text.success === undefined
    ? Result.fail("its body has no JSON form")
    : Result.succeed({ type: "application/json", text: text.success, secrets })
}

const sorted = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value
