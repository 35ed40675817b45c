/**
 * Secrets: strikes credentials out of whatever a provider says, before anybody reads it.
 *
 * Some providers repeat a key that they don't take, and what they say ends up in receipts and logs for
 * years. The application owns the credentials; nothing but the line that sends them has a use for them.
 */
import { Redacted } from "effect"

/** A shorter one would be struck out of every second word. */
const shortest = 6

/** Every form in which headers' values are secret: the value, what follows its scheme, a password inside. */
export const secretsIn = (
  values: ReadonlyArray<string | Redacted.Redacted>
): ReadonlyArray<Redacted.Redacted> =>
  values
    .filter((value) => Redacted.isRedacted(value))
    .flatMap((value) => formsOf(Redacted.value(value)))
    .filter(({ length }) => length >= shortest)
    .map((form) => Redacted.make(form))

const formsOf = (value: string): ReadonlyArray<string> => {
  const [, scheme = "", credentials = ""] = /^(\S+) +(.+)$/.exec(value) ?? []
  if (scheme.toLowerCase() !== "basic") return [value, credentials]
  const pair = Buffer.from(credentials, "base64").toString("utf8")
  return [value, credentials, pair, pair.slice(pair.indexOf(":") + 1)]
}

/** The text without them, as they are and as JSON and a URL write them. */
export const strikeOut = (text: string, secrets: ReadonlyArray<Redacted.Redacted>): string =>
  secrets
    .map((secret) => Redacted.value(secret))
    .flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret.toWellFormed())
    ])
    // The longest first, so that no part of one is left over.
    .toSorted((a, b) => b.length - a.length)
    .reduce((left, form) => left.replaceAll(form, "<redacted>"), text)
