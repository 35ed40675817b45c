/**
 * Headers: which of them somebody may set, and what can be one at all.
 *
 * The connector owns those that frame a message or say where it goes; the application those that show who
 * it is.
 */
import { validateHeaderName, validateHeaderValue } from "node:http"
import { Redacted, Result } from "effect"

/** By name; what is `Redacted` is a secret. */
export type Headers = Readonly<Record<string, string | Redacted.Redacted>>

const owned =
  /^(?:host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|accept-encoding|proxy-.*)$/

export const exposed = (value: string | Redacted.Redacted): string =>
  Redacted.isRedacted(value) ? Redacted.value(value) : value

/** Names in lower case, as they are compared. */
export const normal = <A>(headers: Readonly<Record<string, A>>): Readonly<Record<string, A>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

/** The first name among normal ones that may not be set, or not to this; `reserved` are further ones that may not. */
export const misfitIn = (headers: Headers, reserved: ReadonlyArray<string> = []): string | undefined =>
  Object.entries(headers).find(([name, value]) => {
    const valid = Result.try(() => {
      validateHeaderName(name)
      validateHeaderValue(name, exposed(value))
    })
    return owned.test(name) || reserved.includes(name) || Result.isFailure(valid)
  })?.[0]
