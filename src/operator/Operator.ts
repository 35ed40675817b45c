/**
 * Operator: who proposes actions. Either whoever runs an effect (`Operator.as("shipping")`), or one that is
 * declared here: it watches a source and says which actions its events give reason for.
 *
 *     const TellShipped = Operator.make("tell-shipped", {
 *       watch: Orders,
 *       propose: (order) => order.status === "shipped" ? Notify.propose(Order.at(order.id), …) : []
 *     })
 *
 * What is proposed waits in the outbox and is delivered in the operator's name.
 */
import { Effect, Layer } from "effect"
import { type LedgerUnavailable, StartRefused } from "../domain/errors.ts"
import type { SourceUnavailable } from "../domain/EventSource.ts"
import { NotStoppedThere } from "../domain/operator-errors.ts"
import type { CursorMoved } from "../domain/outbox-errors.ts"
import * as Acting from "../domain/Operator.ts"
import { problemOf, problemSentence } from "../domain/Text.ts"
import { Outbox } from "../kernel/Outbox.ts"
import { Settings } from "../kernel/Settings.ts"
import type { Operator } from "./Definition.ts"
import * as Batch from "./Batch.ts"
import * as Runner from "./Runner.ts"
import * as Telling from "./Telling.ts"

export { as, Current, maxLength } from "../domain/Operator.ts"
export {
  type Delayed,
  later,
  make,
  notBefore,
  type Operator,
  type Options,
  type Proposed
} from "./Definition.ts"

/** Which meaning a name has, by outbox, while operators run over it. */
const meanings = new WeakMap<Outbox["Service"], Map<string, { readonly operator: object; runs: number }>>()

/**
 * Runs an operator until the layer closes. Any number of replicas may: each event is answered by one of
 * them. What it proposes is delivered by whatever process has `Outbox.layerDelivery`, this one or another. Fails at start where its name, or its source's, can't be stored, and where another operator of this
 * process has both: they would share one place and each would miss what the other reads.
 */
export const layer = <Event, R>(operator: Operator<Event, R>): Layer.Layer<never, StartRefused, Outbox | R> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      yield* named("operator", operator.name)
      yield* named("source", operator.watch.name)
      yield* meaning(operator)
      yield* Effect.forkScoped(Runner.run(operator))
    })
  )

const named = (what: string, name: string): Effect.Effect<void, StartRefused> => {
  const problem = problemOf(name, Acting.maxLength)
  return problem === undefined
    ? Effect.void
    : Effect.fail(
        new StartRefused({
          problem: "operator_unnamed",
          sentence: `The name of the ${what} ${problemSentence(problem, Acting.maxLength)}. It names a place that is kept for ever; give it one that can be stored.`
        })
      )
}

/** Holds the name for this operator while the scope is open. */
const meaning = Effect.fnUntraced(function* <Event, R>(operator: Operator<Event, R>) {
  const outbox = yield* Outbox
  const byName = meanings.get(outbox) ?? new Map<string, { readonly operator: object; runs: number }>()
  meanings.set(outbox, byName)
  const name = JSON.stringify([operator.name, operator.watch.name])
  const taken = byName.get(name) ?? { operator, runs: 0 }
  if (taken.operator !== operator) {
    return yield* new StartRefused({
      problem: "operator_taken",
      sentence: `Another operator is named "${operator.name}" and watches "${operator.watch.name}", too: they would share one place in it. Give one of them another name.`
    })
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      taken.runs += 1
      byName.set(name, taken)
    }),
    () =>
      Effect.sync(() => {
        taken.runs -= 1
        if (taken.runs === 0) byName.delete(name)
      })
  )
})

/**
 * Lets an operator go on behind the event that it stands still at: one whose actions can't be proposed, as
 * its `fibric.operator.stopped` says. `cursor` is that event's own (`fibric.cursor.event`); nothing is ever
 * proposed for it. In the name of whoever says so: `.pipe(Operator.as("dana"))`.
 */
export const skip = Effect.fn("Operator.skip")(function* <Event, R>(
  operator: Operator<Event, R>,
  { cursor, reason }: { readonly cursor: string; readonly reason: string }
): Effect.fn.Return<void, NotStoppedThere | SourceUnavailable | CursorMoved | LedgerUnavailable, Outbox | R> {
  const outbox = yield* Outbox
  const person = yield* Acting.Current
  const { name, watch } = operator
  const from = yield* outbox.cursorOf(name, watch.name)
  const entries = yield* Acting.as(name)(watch.read(from, operator.batch))
  const { obstacle, proposals } = Batch.of(operator, from, entries, 0, yield* Settings)
  // What stands before it would be skipped, too.
  if (obstacle?.cursor !== cursor || proposals.length > 0) {
    return yield* new NotStoppedThere({ operator: name, source: watch.name, cursor })
  }
  yield* outbox
    .put([], { operator: name, source: watch.name, from, to: cursor })
    .pipe(Effect.catchTag("OutboxFull", () => Effect.die("Bug: no entity has too many of no proposals")))
  yield* Telling.skipped(operator, cursor, person, reason)
})
