/**
 * Told: everything that a trial's connector says to anybody, and whether a secret is in it.
 *
 * Heard are log lines of every level and spans with all that they carry; what the call came to is added
 * by the trial. What a library writes to the console by itself is not heard.
 */
import { Cause, Layer, Logger, References, Tracer } from "effect"
import { inspect } from "node:util"

/** All that can be seen of a value, also of an error's parts that its message leaves out. */
export const shown = (value: unknown): string =>
  [
    inspect(value, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null }),
    value instanceof Error ? `${value.message}\n${value.stack ?? ""}` : "",
    asJson(value)
  ].join("\n")

const asJson = (value: unknown): string => {
  try {
    return (
      JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? `${member}` : member)) ?? ""
    )
  } catch {
    // What has no JSON form is not told in one.
    return ""
  }
}

/** Listens to logs and spans for as long as its layer is provided. */
export const listening = () => {
  const heard: Array<{ readonly where: string; readonly text: () => string }> = []
  const logger = Logger.make(({ cause, fiber, message }) => {
    // Written down at once: what is logged may change afterwards.
    const text = [shown(message), shown(fiber.getRef(References.CurrentLogAnnotations)), Cause.pretty(cause)]
    heard.push({ where: "a log line", text: () => text.join("\n") })
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const text = () =>
        [span.name, shown([...span.attributes]), shown(span.status), shown(span.events)].join("\n")
      heard.push({ where: `the span "${options.name}"`, text })
      return span
    }
  })
  return {
    layer: Layer.mergeAll(
      Logger.layer([logger]),
      Layer.succeed(References.MinimumLogLevel, "Trace"),
      Layer.succeed(Tracer.Tracer, tracer)
    ),
    /** Adds what was told in another way. */
    add: (where: string, value: unknown): void => {
      const text = shown(value)
      heard.push({ where, text: () => text })
    },
    /** Where a secret was told, and in what form; the secret itself is not in the answer. */
    leaks: (secrets: ReadonlyArray<string>): ReadonlyArray<string> => {
      const forms = secrets.flatMap(formsOf)
      return heard.flatMap(({ text, where }) => {
        const said = text()
        const found = forms.filter(({ is }) => is(said)).map(({ name }) => `${where} has a secret ${name}`)
        return [...new Set(found)]
      })
    }
  }
}

interface Form {
  readonly name: string
  readonly is: (text: string) => boolean
}

/** In how many characters a part of a secret is recognised: a text may have been cut in the middle of it. */
const enough = 12

/** The forms in which somebody may have written a secret. */
export const formsOf = (secret: string): ReadonlyArray<Form> => {
  const bytes = Buffer.from(secret, "utf8")
  const includes = (part: string) => (text: string) => text.includes(part.slice(0, enough))
  const ignoringCase = (part: string) => (text: string) =>
    text.toLowerCase().includes(part.toLowerCase().slice(0, enough))
  return [
    { name: "as it is", is: includes(secret) },
    { name: "as JSON", is: includes(JSON.stringify(secret).slice(1, -1)) },
    { name: "in a URL", is: ignoringCase(encodeURIComponent(secret.toWellFormed())) },
    { name: "in hexadecimal", is: ignoringCase(bytes.toString("hex")) },
    ...[0, 1, 2].flatMap((offset) =>
      (["base64", "base64url"] as const).map((encoding) => ({
        name: `in ${encoding}`,
        is: includes(within(bytes, offset, encoding))
      }))
    )
  ]
}

/** The characters that stand for the bytes alone, wherever they are in a longer text that is encoded. */
const within = (bytes: Buffer, offset: number, encoding: "base64" | "base64url"): string => {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
  // Three bytes are four characters: the first whole character, and the last one that nothing follows into.
  return encoded.toString(encoding).slice(Math.ceil((offset * 4) / 3), Math.floor((encoded.length * 4) / 3))
}
