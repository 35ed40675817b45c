/**
 * Batch: what some events give reason for, as rows for the outbox. An event whose actions can't
 * be written ends the batch before it, so that none is passed over.
 */
import { DateTime, Duration, Result } from "effect"
import { isOccurrence, type Occurrence, type Passed } from "../domain/EventSource.ts"
import { messageOf, storable } from "../domain/Text.ts"
import type { Proposal } from "../kernel/Outbox.ts"
import { proposalOf } from "../kernel/Proposing.ts"
import type { Bounds } from "../kernel/Settings.ts"
import type { One, Operator, Proposed } from "./Definition.ts"

/** An event whose actions can't be proposed, and why. */
export interface Obstacle {
  /** The event's own: from there one would go on behind it. */
  readonly cursor: string
  readonly reason: string
}

/** What can be written in one commit. */
export interface Batch {
  readonly proposals: ReadonlyArray<Proposal>
  /** How many events it answers. */
  readonly events: number
  /** The place behind all of them. */
  readonly to: string | undefined
  /** What comes right behind it and can't be answered. */
  readonly obstacle: Obstacle | undefined
}

/** How many actions one commit has at most. What one event gives reason for is never parted. */
const maxProposals = 1_000

/** Going on from it would meet the same event for ever. */
const noPlace =
  "the source gives the event the cursor of the place before it, so that nothing says it was read"

/** Reads the events off in their order, up to the first that can't be answered. */
export const of = <Event, R>(
  operator: Operator<Event, R>,
  after: string | undefined,
  entries: ReadonlyArray<Occurrence<Event> | Passed>,
  nowMillis: number,
  bounds: Bounds
): Batch => {
  const proposals: Array<Proposal> = []
  let events = 0
  let to = after
  for (const entry of entries) {
    if (isOccurrence(entry)) {
      const answer =
        entry.cursor === to ? Result.fail(noPlace) : answerOf(operator, entry.event, nowMillis, bounds)
      if (Result.isFailure(answer)) {
        return { proposals, events, to, obstacle: { cursor: entry.cursor, reason: answer.failure } }
      }
      if (proposals.length + answer.success.length > maxProposals) {
        // The others come with the next batch.
        if (proposals.length > 0) break
        const reason = `it gives reason for ${answer.success.length} actions, and ${maxProposals} go into one commit`
        return { proposals, events, to, obstacle: { cursor: entry.cursor, reason } }
      }
      proposals.push(...answer.success)
      events += 1
    }
    to = entry.cursor
  }
  return { proposals, events, to, obstacle: undefined }
}

/** The rows for one event, all or none; or why not, as a sentence. What `propose` throws is a reason, too. */
const answerOf = <Event, R>(
  operator: Operator<Event, R>,
  event: Event,
  nowMillis: number,
  bounds: Bounds
): Result.Result<ReadonlyArray<Proposal>, string> =>
  Result.try({
    try: () =>
      Result.all(
        listOf(operator.propose(event)).map((one) => {
          const action = "_tag" in one ? one.action : one
          return proposalOf(action, operator.name, bounds, dueOf(one, nowMillis))
        })
      ),
    catch: describe
  }).pipe(Result.flatMap(Result.mapError(describe)))

const listOf = (proposed: Proposed): ReadonlyArray<One> => ("length" in proposed ? proposed : [proposed])

const dueOf = (one: One, nowMillis: number): DateTime.Utc | undefined => {
  if (!("_tag" in one)) return undefined
  return one._tag === "NotBefore" ? one.at : DateTime.makeUnsafe(nowMillis + Duration.toMillis(one.delay))
}

const describe = (error: unknown): string => storable(messageOf(error))
