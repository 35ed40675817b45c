/**
 * Answer: what a provider said, whole, with our own credentials struck out of it.
 *
 * Only a whole answer is one: what was cut, or ends where the connection ended, never becomes an `Answer`.
 */
import { isUtf8 } from "node:buffer"
import { Option, type Redacted, Result } from "effect"
import type { Method } from "./Request.ts"
import { strikeOut } from "./Secrets.ts"

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
  /** What it answers. */
  readonly request: { readonly method: Method; readonly keyed: boolean }
  readonly #isText: boolean
  #json: Option.Option<unknown> | undefined

  constructor(
    { body, headers, status }: Received,
    request: Answer["request"],
    secrets: ReadonlyArray<Redacted.Redacted>
  ) {
    this.status = status
    this.headers = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, strikeOut(value, secrets)])
    )
    this.text = strikeOut(Buffer.from(body).toString("utf8"), secrets)
    this.request = { method: request.method, keyed: request.keyed }
    this.#isText = isUtf8(body)
  }

  /** The body as JSON: `null` where there is no body, as after a 204; `None` where it is no JSON. */
  get json(): Option.Option<unknown> {
    return (this.#json ??=
      this.text === ""
        ? Option.some(null)
        : this.#isText
          ? Result.getSuccess(Result.try((): unknown => JSON.parse(this.text)))
          : Option.none())
  }

  /** The status and the beginning of the body in one line, fit to be stored, shown and logged. */
  get words(): string {
    const said = words(this.text)
    return said === "" ? String(this.status) : `${this.status}: ${said}`
  }
}

/** At most 500 characters without control characters. */
export const words = (text: string): string =>
  text
    .slice(0, mostWords * 4)
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, mostWords)
    .toWellFormed()
