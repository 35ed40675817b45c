/**
 * Answer: what a provider said, whole, with our own credentials struck out of it.
 *
 * Only a whole answer is one: what was cut, or ends where the connection ended, never becomes an `Answer`.
 */
import { isUtf8 } from "node:buffer"
import { Option, type Redacted, Result } from "effect"
import type { Method } from "./Request.ts"
import { strikingOut, struck } from "./Secrets.ts"

/** As it came over the wire. */
export interface Received {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** The longest that is told of an answer. */
const mostWords = 500

export class Answer {
  readonly status: number
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The body as text; what is no UTF-8 in it is U+FFFD. */
  readonly text: string
  /** The body as JSON: `null` where there is no body, as after a 204; `None` where it is no JSON. */
  readonly json: Option.Option<unknown>
  /** What it answers. */
  readonly request: { readonly method: Method; readonly keyed: boolean }

  constructor(
    { body, headers, status }: Received,
    request: Answer["request"],
    secrets: ReadonlyArray<Redacted.Redacted>
  ) {
    const clean = strikingOut(secrets)
    const said = Buffer.from(body).toString("utf8")
    this.status = status
    this.headers = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, clean(value)]))
    this.text = clean(said)
    this.json =
      said === "" ? Option.some(null) : isUtf8(body) ? Result.getSuccess(parse(said, clean)) : Option.none()
    this.request = { method: request.method, keyed: request.keyed }
  }

  /** The status and the beginning of the body in one line, fit to be stored, shown and logged. */
  get words(): string {
    const said = words(this.text)
    return said === "" ? String(this.status) : `${this.status}: ${said}`
  }
}

/**
 * JSON, its names and values clean. They are cleaned when they have been read, so that no way to write them
 * hides anything; and a text without a number that was struck out of it is no JSON any more.
 */
const parse = (said: string, clean: (text: string) => string): Result.Result<unknown, unknown> =>
  Result.try((): unknown => JSON.parse(said, (_name, value: unknown) => cleanly(value, clean)))

const cleanly = (value: unknown, clean: (text: string) => string): unknown => {
  if (typeof value === "string") return clean(value)
  // A number is a secret as a whole, or is none.
  if (typeof value === "number") return clean(String(value)) === struck ? struck : value
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [clean(name), member]))
}

/** At most 500 characters without control characters. */
export const words = (text: string): string =>
  text
    .slice(0, mostWords * 4)
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, mostWords)
    .toWellFormed()

/** In one line, without control characters and of at most so many characters: fit to be stored, shown and logged. */
export const oneLine = (text: string, most: number): string =>
  text
    .slice(0, most * 4)
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .trim()
    .slice(0, most)
    .toWellFormed()
