/**
 * filters: which receipts a command is about, in the same words for each.
 */
import { Clock, DateTime, Duration, Effect, Option, Result, Schema } from "effect"
import * as Flag from "effect/cli/Flag"
import { Outcome } from "../../domain/Receipt.ts"
import type { ReceiptFilter } from "../../domain/ReceiptFilter.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.optional, Flag.withDescription(description))

const instant = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("TIME"),
    Flag.mapEffect((written) =>
      Effect.map(Clock.currentTimeMillis, (now) => ({ written, at: read(written, now) }))
    ),
    Flag.filter(
      ({ at }) => at !== undefined,
      ({ written }) => `Expected an ISO 8601 time or an age such as "2 hours", and not "${written}"`
    ),
    Flag.optional,
    Flag.withDescription(description)
  )

const isAge = /^\d+(\.\d+)? [a-z]+$/

const isIso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/

/** A day or an instant in ISO 8601. `Date` reads nearly anything, `5` and 31 February too, as some other day. */
const instantOf = (written: string): Option.Option<DateTime.Utc> => {
  const day = written.slice(0, "2026-01-31".length)
  const isDay = Option.exists(DateTime.make(day), (at) => DateTime.formatIsoDateUtc(at) === day)
  return isIso.test(written) && isDay ? DateTime.make(written) : Option.none()
}

/** An instant, or how long ago. */
const read = (written: string, now: number): DateTime.Utc | undefined => {
  if (!isAge.test(written)) return Option.getOrUndefined(instantOf(written))
  return Option.getOrUndefined(
    Option.flatMap(durationOf(written), (age) => DateTime.make(now - Duration.toMillis(age)))
  )
}

/** A length of time as it is written in code, `30 days`. */
export const durationOf = (written: string): Option.Option<Duration.Duration> =>
  isAge.test(written)
    ? Result.getSuccess(Result.try(() => Duration.fromInputUnsafe(written as Duration.Input)))
    : Option.none()

/** The flags that say which. */
export const flags = {
  key: text("key", "KEY", "Of this key: its label (notify:order-4471:shipped) or its whole hash"),
  entity: text("entity", "ENTITY", "Of this entity: its type and id, order-4471"),
  operator: text("operator", "NAME", "Proposed or decided by"),
  capability: text("capability", "NAME", "Of this verb"),
  outcome: Flag.Literals("outcome", Outcome.literals).pipe(
    Flag.atLeast(0),
    Flag.withDescription("With this outcome; several may be given")
  ),
  since: instant("since", `Written at this time or later: ISO 8601, or an age such as "2 hours"`),
  until: instant("until", "Written before this time")
} as const

/** The filter that the flags say. */
export const filterOf = (given: {
  readonly key: Option.Option<string>
  readonly entity: Option.Option<string>
  readonly operator: Option.Option<string>
  readonly capability: Option.Option<string>
  readonly outcome: ReadonlyArray<Outcome>
  readonly since: Option.Option<{ readonly at: DateTime.Utc | undefined }>
  readonly until: Option.Option<{ readonly at: DateTime.Utc | undefined }>
}): ReceiptFilter => ({
  key: Option.getOrUndefined(given.key),
  entity: Option.getOrUndefined(given.entity),
  operator: Option.getOrUndefined(given.operator),
  capability: Option.getOrUndefined(given.capability),
  outcomes: given.outcome.length === 0 ? undefined : given.outcome,
  since: Option.getOrUndefined(given.since)?.at,
  until: Option.getOrUndefined(given.until)?.at
})

/** How receipts are written out. */
export const format = Flag.Literals("format", ["text", "json", "ndjson", "cloudevents"]).pipe(
  Flag.withDefault("text"),
  Flag.withDescription(
    "text; json, one document; ndjson, a document a line; cloudevents, the same in the envelope of CloudEvents 1.0"
  )
)

/** A length of time that is older than anything that must stay. */
export const olderThan = (fallback: string, description: string) =>
  Flag.String("older-than").pipe(
    Flag.withMetavar("AGE"),
    Flag.withDefault(fallback),
    Flag.filter(
      (written) => Option.isSome(durationOf(written)),
      (written) => `Expected an age such as "30 days", and not "${written}"`
    ),
    Flag.map((written) => Option.getOrElse(durationOf(written), () => Duration.infinity)),
    Flag.withDescription(description)
  )

/** How many at most. */
export const limit = (fallback: number, most: number) =>
  Flag.Int("limit").pipe(
    Flag.withMetavar("N"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: most }))),
    Flag.withDefault(fallback),
    Flag.withDescription(`How many at most, up to ${most} (default: ${fallback})`)
  )
