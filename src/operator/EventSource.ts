/**
 * EventSource: the sources that come along, beside what a source is. Instants that are due (`cron`,
 * `every`), the receipts (`receipts`), whatever somebody reads by himself (`make`), and for unit tests a
 * list (`memory`).
 */
import { Effect } from "effect"
import { type EventSource, type Occurrence, SourceUnavailable } from "../domain/EventSource.ts"
import * as Knock from "../kernel/Knock.ts"

export * from "../domain/EventSource.ts"
export { cron, type CronOptions, type Due, every, type MissedOptions } from "./Calendar.ts"
export { receipts, type ReceiptsOptions } from "./ReceiptEvents.ts"

/**
 * A source of one's own: a table with a growing number, a queue, another service's feed. What `read` has to
 * keep to, `EventSource` says member by member; above all that it never passes over what may still come in.
 */
export const make = <Event, R = never>(
  name: string,
  source: Omit<EventSource<Event, R>, "name">
): EventSource<Event, R> => ({ ...source, name })

/** A source that a test fills. */
export interface Memory<Event> extends EventSource<Event> {
  readonly append: (...events: ReadonlyArray<Event>) => Effect.Effect<void>
}

/**
 * A list of events in this process's memory, for unit tests: it is gone with the process, and a cursor that
 * was kept longer than it means nothing.
 */
export const memory = <Event>(name: string, initial: ReadonlyArray<Event> = []): Memory<Event> => {
  const events = [...initial]
  const { heard, knock } = Knock.make()
  const read = Effect.fnUntraced(function* (after: string | undefined, limit: number) {
    const from = after === undefined ? 0 : Number(after)
    if (!Number.isSafeInteger(from) || from < 0) {
      return yield* new SourceUnavailable({ source: name, reason: `"${after}" is no cursor of it` })
    }
    return events
      .slice(from, from + limit)
      .map((event, index): Occurrence<Event> => ({ event, cursor: String(from + index + 1) }))
  })
  return {
    name,
    read,
    changed: heard,
    append: (...more) =>
      Effect.andThen(
        Effect.sync(() => events.push(...more)),
        knock
      )
  }
}
