/**
 * Calendar: instants as events. Each instant that is due comes once to an operator, over restarts and
 * replicas, because the instant is the cursor.
 *
 * The clock of the process that reads says what is due. An operator begins with the first instant after its
 * first look, which is kept, so that what is due while nobody runs is known to have been missed.
 */
import { Clock, Cron, DateTime, Duration, Effect, Option } from "effect"
import { type EventSource, SourceUnavailable } from "../domain/EventSource.ts"

/** An instant that is due. */
export interface Due {
  /** The instant, in the schedule's time zone. */
  readonly at: DateTime.Zoned
  /** The instant acted on before it, or the first look: what lies between was missed. */
  readonly since: DateTime.Zoned
}

export interface MissedOptions {
  /**
   * How many instants that were missed, because nobody ran or the way to the outbox was closed, are made up
   * for: the latest ones, the oldest first. Default: 1, the latest; the others are left out. At most 1,000.
   */
  readonly missed?: number
}

export interface CronOptions extends MissedOptions {
  /** An IANA name or an offset, such as `Europe/Berlin`. Default: UTC. */
  readonly timezone?: string
  /**
   * Which of two does count where clocks are set back and a time of the day comes twice. Default: the
   * `earlier`, so that an hourly schedule leaves the repeated hour out; `both` is for such a one. A time that
   * is skipped where clocks are set forward comes as much later as they are set.
   */
  readonly onDstOverlap?: Cron.DstOverlapPolicy
}

/** Instants in milliseconds, in order. */
interface Instants {
  readonly zone: DateTime.TimeZone
  /** The latest before an instant. */
  readonly before: (millis: number) => number
  /** The first after an instant. */
  readonly after: (millis: number) => number
}

const maxMissed = 1_000

/**
 * The instants of a cron expression, of five fields or of six with seconds. It is written in code: one that
 * can't be read, or that never comes, throws.
 */
export const cron = (
  name: string,
  expression: string,
  { missed, onDstOverlap, timezone = "UTC" }: CronOptions = {}
): EventSource<Due> => {
  const schedule = Cron.parseUnsafe(expression, timezone, { onDstOverlap })
  const instants: Instants = {
    zone: Option.getOrThrow(schedule.tz),
    before: (millis) => Cron.prev(schedule, millis).getTime(),
    after: (millis) => Cron.next(schedule, millis).getTime()
  }
  // The 30th of February throws here, and not in some night.
  instants.after(0)
  return sourceOf(name, instants, missed)
}

/** Every so often: the multiples of the interval since 1970 in UTC, so that replicas mean the same instants. */
export const every = (
  name: string,
  interval: Duration.Input,
  { missed }: MissedOptions = {}
): EventSource<Due> => {
  const step = Duration.toMillis(interval)
  if (!Number.isSafeInteger(step) || step < 1) {
    throw new RangeError(`"${name}": the interval is ${step} ms; it has to be at least one, and whole`)
  }
  return sourceOf(
    name,
    {
      zone: DateTime.zoneMakeNamedUnsafe("UTC"),
      before: (millis) => (Math.ceil(millis / step) - 1) * step,
      after: (millis) => (Math.floor(millis / step) + 1) * step
    },
    missed
  )
}

const sourceOf = (name: string, instants: Instants, missed = 1): EventSource<Due> => {
  const most = Math.min(Math.max(1, Math.floor(missed)), maxMissed)
  const zoned = (millis: number) => DateTime.makeZonedUnsafe(millis, { timeZone: instants.zone })
  return {
    name,
    read: Effect.fnUntraced(function* (after: string | undefined, limit: number) {
      const now = yield* Clock.currentTimeMillis
      if (after === undefined) return [{ cursor: cursorOf(now) }]
      const from = DateTime.make(after)
      if (Option.isNone(from)) {
        return yield* new SourceUnavailable({ source: name, reason: `its cursor "${after}" is no instant` })
      }
      const fromMillis = DateTime.toEpochMillis(from.value)
      return latest(instants, fromMillis, now, most)
        .slice(0, limit)
        .map((at, index, all) => ({
          event: { at: zoned(at), since: zoned(all[index - 1] ?? fromMillis) },
          cursor: cursorOf(at)
        }))
    }),
    changed: Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.sleep(Math.min(instants.after(now) - now, maxSleepMillis))
    )
  }
}

/** A timer can't be set for longer than some weeks. */
const maxSleepMillis = Duration.toMillis("1 day")

/** The latest instants after one place and not after another, in order. */
const latest = (
  { before }: Instants,
  fromMillis: number,
  toMillis: number,
  most: number
): ReadonlyArray<number> => {
  const found: Array<number> = []
  while (found.length < most) {
    const at = before(found[0] ?? toMillis + 1)
    if (at <= fromMillis) break
    found.unshift(at)
  }
  return found
}

const cursorOf = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))
