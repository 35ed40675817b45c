/**
 * Secrets: strikes credentials out of whatever a provider says, before anybody reads it.
 *
 * Some providers repeat a key that they don't take, and what they say ends up in receipts and logs for
 * years. The application owns the credentials; nothing but the line that sends them has a use for them.
 */
import { Redacted } from "effect"

/** Stands for a secret. */
export const struck = "<redacted>"

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

/** Takes them out of a text: as they are, in base64 and in hex, however their characters are written. */
export const strikingOut = (secrets: ReadonlyArray<Redacted.Redacted>): ((text: string) => string) => {
  const forms = [...new Set(secrets.flatMap((secret) => encodingsOf(Redacted.value(secret))))]
  return (text) => {
    // No secret is as short.
    if (text.length < shortest) return text
    const written: Reading = { plain: text, at: (index) => index }
    const unescaped = read(written, inJson)
    const readings = [written, unescaped, ...[inJson, inUrl, inForm].map((way) => read(unescaped, way))]
    return without(
      text,
      readings.flatMap((reading) => spansOf(forms, reading))
    )
  }
}

const encodingsOf = (secret: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(secret, "utf8")
  const [base64, hex] = [bytes.toString("base64"), bytes.toString("hex")]
  return [
    secret,
    secret.toWellFormed(),
    base64,
    base64.replace(/=+$/, ""),
    bytes.toString("base64url"),
    hex,
    hex.toUpperCase()
  ]
}

/** A way to write a character as something else: what stands for one, and for which. */
interface Writing {
  readonly marks: RegExp
  readonly meaning: (mark: string) => string
}

const inJson: Writing = {
  marks: /\\(?:u[\da-fA-F]{4}|["\\/bfnrt])/g,
  meaning: (mark) => String(JSON.parse(`"${mark}"`))
}

/** Each mark is a whole character in UTF-8. */
const inUrl: Writing = {
  marks: /%[0-7][\da-f]|%[cd][\da-f]%[\da-f]{2}|%e[\da-f](?:%[\da-f]{2}){2}|%f[\da-f](?:%[\da-f]{2}){3}/gi,
  meaning: (mark) => Buffer.from(mark.replaceAll("%", ""), "hex").toString("utf8")
}

const inForm: Writing = {
  marks: new RegExp(String.raw`\+|${inUrl.marks.source}`, "gi"),
  meaning: (mark) => (mark === "+" ? " " : inUrl.meaning(mark))
}

/** What a text says, and where each unit of that begins in it. */
interface Reading {
  readonly plain: string
  readonly at: (index: number) => number
}

const read = ({ at, plain: text }: Reading, { marks, meaning }: Writing): Reading => {
  const parts: Array<string> = []
  const places: Array<number> = []
  let next = 0
  for (const { 0: mark, index } of text.matchAll(marks)) {
    const meant = meaning(mark)
    parts.push(text.slice(next, index), meant)
    while (next < index) places.push(next++)
    for (let unit = 0; unit < meant.length; unit++) places.push(index)
    next = index + mark.length
  }
  parts.push(text.slice(next))
  // The end is a place, too.
  while (next <= text.length) places.push(next++)
  return { plain: parts.join(""), at: (index) => at(places[index] ?? text.length) }
}

type Span = readonly [from: number, to: number]

const spansOf = (forms: ReadonlyArray<string>, { at, plain }: Reading): ReadonlyArray<Span> =>
  forms.flatMap((form) => {
    const spans: Array<Span> = []
    for (let from = plain.indexOf(form); from !== -1; from = plain.indexOf(form, from + form.length)) {
      spans.push([at(from), at(from + form.length)])
    }
    return spans
  })

/** The text without its spans; those that overlap are one, so that no part is left over. */
const without = (text: string, spans: ReadonlyArray<Span>): string => {
  let clean = ""
  let end = 0
  for (const [from, to] of spans.toSorted(([one], [other]) => one - other)) {
    if (from >= end) clean += text.slice(end, from) + struck
    end = Math.max(end, to)
  }
  return clean + text.slice(end)
}
