/**
 * Where a secret is looked for: log lines of every level, spans with all that is in them, whole tables, and
 * what is told to a caller; in every form in which somebody may have written it.
 */
import type { PgClient } from "@effect/sql-pg"
import { Cause, Effect, Layer, Logger, Metric, References, Tracer } from "effect"
import { inspect } from "node:util"

/** What a text has of a secret: the names of the forms that are found in it. */
export const formsFound = (text: string, secret: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(secret, "utf8")
  const forms = {
    "as it is": secret,
    "as JSON": JSON.stringify(secret).slice(1, -1),
    "in a URL": encodeURIComponent(secret),
    "in base64": bytes.toString("base64"),
    "in base64url": bytes.toString("base64url"),
    "in hexadecimal": bytes.toString("hex")
  }
  // A part is as bad as the whole: a text may have been cut in the middle of it.
  return Object.entries(forms)
    .filter(([, form]) => text.includes(form.slice(0, 10)))
    .map(([name]) => name)
}

/** All that can be seen of a value. */
export const shown = (value: unknown): string =>
  [
    inspect(value, {
      depth: 12,
      showHidden: true,
      getters: true,
      maxStringLength: null,
      maxArrayLength: null
    }),
    value instanceof Error ? `${value.message}\n${value.stack ?? ""}` : "",
    JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? String(member) : member)) ??
      ""
  ].join("\n")

/** Collects logs of every level and spans, with all that they carry. */
export const listening = () => {
  const lines: Array<string> = []
  const spans: Array<Tracer.Span> = []
  const logger = Logger.make(({ cause, fiber, logLevel, message }) => {
    lines.push(
      [
        logLevel,
        shown(message),
        shown(fiber.getRef(References.CurrentLogAnnotations)),
        Cause.pretty(cause)
      ].join("\n")
    )
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const layer = Layer.mergeAll(
    Logger.layer([logger]),
    Layer.succeed(References.MinimumLogLevel, "Trace"),
    Layer.succeed(Tracer.Tracer, tracer),
    Layer.succeed(Metric.MetricRegistry, new Map())
  )
  const spanText = (span: Tracer.Span): string =>
    [
      span.name,
      shown([...span.attributes]),
      shown(span.status),
      shown("events" in span ? span.events : [])
    ].join("\n")
  return {
    layer,
    logs: () => lines,
    spans: () => spans.map(spanText),
    metrics: Effect.map(Metric.snapshot, shown)
  }
}

/** Every row of every table of the schema, as text. */
export const rowsOf = (sql: PgClient.PgClient) =>
  Effect.gen(function* () {
    const tables = yield* sql<{ name: string }>`
      SELECT oid::regclass::text AS name FROM pg_class
      WHERE relnamespace = 'fibric'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`
    const rows: Array<string> = []
    for (const { name } of tables) {
      const found = yield* sql<{ text: string }>`
        SELECT to_jsonb(t)::text || ' ' || t::text AS text FROM ${sql.literal(name)} AS t`.unprepared
      rows.push(...found.map(({ text }) => `${name} ${text}`))
    }
    return { tables: tables.map(({ name }) => name), rows }
  })
