/**
 * Runner: keeps an operator going. It reads the source behind the operator's cursor and writes what the
 * events give reason for, and how far it has read, in one commit:
 *
 *     find the cursor ──▶ read the source ──▶ ask `propose` ──▶ put the proposals and the move, one commit
 *         ▲                 ▲    nothing new: wait ┘                │
 *         │                 └───────────────────────────────────────┤
 *         └── another replica was first; or it could not be done: told, and tried again later
 *
 * The outbox owns the truth about how far the operator has come. A runner that dies at any point has
 * written an event's proposals together with the move behind it, or neither.
 */
import { Clock, Effect } from "effect"
import { SourceUnavailable } from "../domain/EventSource.ts"
import * as Operator from "../domain/Operator.ts"
import { storable } from "../domain/Text.ts"
import { Outbox } from "../kernel/Outbox.ts"
import { Settings } from "../kernel/Settings.ts"
import * as Metrics from "../kernel/telemetry/Metrics.ts"
import type * as Definition from "./Definition.ts"
import * as Batch from "./Batch.ts"
import * as Telling from "./Telling.ts"

/** How far the operator has come. */
export interface Place {
  /** What the outbox keeps; a move starts from here. */
  readonly kept: string | undefined
  readonly keptAtMillis: number
  /** Up to where the source was read: ahead of `kept` where there was nothing to propose. */
  readonly read: string | undefined
}

/** What one look at the source came to. */
type Step =
  | { readonly _tag: "Went"; readonly place: Place }
  | { readonly _tag: "CaughtUp"; readonly place: Place }
  /** Another reader has moved the cursor. */
  | { readonly _tag: "Overtaken" }
  /** Not so many events in one commit. */
  | { readonly _tag: "TooMany"; readonly fewer: number }
  /** It can't go on now, and has said why. */
  | { readonly _tag: "Held" }

/** A place behind which nothing was proposed is kept at this age; until then, a restart reads it again. */
const keepMillis = 10_000

/** How long a source may take to answer. */
const readMillis = 30_000

/** The first and the longest pause before what could not be done is tried again. */
const heldMillis = 100
const maxHeldMillis = 30_000

/** Runs an operator for ever, in its own name. Several may run it at once: each event is answered by one. */
export const run = <Event, R>(
  operator: Definition.Operator<Event, R>
): Effect.Effect<never, never, Outbox | R> =>
  Effect.gen(function* () {
    const look = yield* looking(operator)
    const pause = yield* pausing(operator)
    const holding = yield* counted
    let place: Place | undefined
    let most = operator.batch
    let idle = 0
    let held = 0
    for (;;) {
      const step = yield* look(place, most)
      // Whatever else happened, the outbox is asked again how far the operator has come.
      place = "place" in step ? step.place : undefined
      if (step._tag === "Held") {
        yield* holding(true)
        yield* Effect.sleep(Math.min(heldMillis * 2 ** Math.min(held++, 10), maxHeldMillis))
        continue
      }
      if (step._tag === "TooMany") {
        most = step.fewer
        continue
      }
      if (step._tag === "Overtaken") continue
      yield* holding(false)
      held = 0
      most = Math.min(most * 2, operator.batch)
      if (step._tag === "Went") idle = 0
      else yield* pause(idle++)
    }
  }).pipe(Effect.scoped, Operator.as(operator.name))

/** Says whether the operator is held up, and counts it as long as it is. */
const counted = Effect.gen(function* () {
  let isHeld = false
  const holding = (next: boolean) =>
    Effect.suspend(() => {
      if (isHeld === next) return Effect.void
      isHeld = next
      return Metrics.operatorsHeldUp(next ? 1 : -1)
    })
  yield* Effect.addFinalizer(() => holding(false))
  return holding
})

/** One look at the source and, where there is something to write, one commit. */
const looking = Effect.fnUntraced(function* <Event, R>(operator: Definition.Operator<Event, R>) {
  const outbox = yield* Outbox
  const bounds = yield* Settings
  const { name, watch } = operator

  const find = Effect.gen(function* () {
    const kept = yield* outbox.cursorOf(name, watch.name)
    return { kept, read: kept, keptAtMillis: yield* Clock.currentTimeMillis }
  })

  const unreadable = (reason: string) => Effect.fail(new SourceUnavailable({ source: watch.name, reason }))
  const read = (place: Place, most: number) =>
    watch.read(place.read, most).pipe(
      Effect.timeoutOrElse({
        duration: readMillis,
        orElse: () => unreadable(`it has not answered for ${readMillis} ms`)
      }),
      Effect.catchDefect((defect) => unreadable(storable(String(defect)))),
      // What a source gives beyond the limit is read again.
      Effect.map((entries) => entries.slice(0, most))
    )

  /** The proposals and the move behind their events, in one commit. */
  const keep = Effect.fn("Operator.keep")(function* (
    { kept }: Place,
    to: string,
    { events, proposals }: Batch.Batch
  ) {
    yield* outbox.put(proposals, { operator: name, source: watch.name, from: kept, to })
    if (proposals.length > 0) yield* Telling.proposed(operator, to, events, proposals.length)
    return { kept: to, read: to, keptAtMillis: yield* Clock.currentTimeMillis }
  })

  const answer = Effect.fnUntraced(function* (place: Place, batch: Batch.Batch, nowMillis: number) {
    const { obstacle, to } = batch
    if (to === undefined || to === place.kept) {
      return obstacle === undefined
        ? caughtUp({ ...place, read: to })
        : yield* held(Telling.stopped(operator, to, obstacle))
    }
    // What was read before an obstacle is kept at once, so that whoever lets it be skipped skips nothing else.
    const mayWait =
      batch.proposals.length === 0 &&
      obstacle === undefined &&
      place.kept !== undefined &&
      nowMillis - place.keptAtMillis < keepMillis
    const next = mayWait ? { ...place, read: to } : yield* keep(place, to, batch)
    return batch.events > 0 || obstacle !== undefined ? went(next) : caughtUp(next)
  })

  return (from: Place | undefined, most: number): Effect.Effect<Step, never, R> =>
    Effect.gen(function* () {
      const place = from ?? (yield* find)
      const entries = yield* read(place, most)
      const now = yield* Clock.currentTimeMillis
      const batch = Batch.of(operator, place.read, entries, now, bounds)
      return yield* Effect.catchTag(answer(place, batch, now), "OutboxFull", ({ message }) =>
        entries.length > 1
          ? Effect.succeed<Step>({ _tag: "TooMany", fewer: Math.floor(entries.length / 2) })
          : held(Telling.full(operator, place.kept, message))
      )
    }).pipe(
      Effect.catchTags({
        CursorMoved: () => Effect.succeed<Step>({ _tag: "Overtaken" }),
        SourceUnavailable: ({ reason }) => held(Telling.unreadable(operator, from?.read, reason)),
        LedgerUnavailable: ({ message }) => held(Telling.unwritten(operator, from?.kept, message))
      }),
      // A bug must not end the operator where nobody hears of it.
      Effect.catchDefect((defect) => held(Telling.unwritten(operator, from?.kept, storable(String(defect)))))
    )
})

const went = (place: Place): Step => ({ _tag: "Went", place })
const caughtUp = (place: Place): Step => ({ _tag: "CaughtUp", place })
const held = (telling: Effect.Effect<void>): Effect.Effect<Step> => Effect.as(telling, { _tag: "Held" })

/** Waits while nothing is new: longer each time, until the source says that there may be something. */
const pausing = Effect.fnUntraced(function* <Event, R>({ pollMillis, watch }: Definition.Operator<Event, R>) {
  const bounds = yield* Settings
  const changed = Effect.catchDefect(watch.changed ?? Effect.never, () => Effect.never)
  const first = Math.min(bounds.pollMillis, pollMillis)
  return (times: number): Effect.Effect<void, never, R> =>
    // A source that says so without a reason is not asked without a pause.
    (times === 0 ? changed : Effect.andThen(changed, Effect.sleep(first))).pipe(
      Effect.timeoutOption(Math.min(first * 2 ** Math.min(times, 30), pollMillis)),
      Effect.asVoid
    )
})
