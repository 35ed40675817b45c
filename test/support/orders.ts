/**
 * Orders for tests: a capability that notifies somebody about an order, and a connector whose answers
 * a test decides. It counts what really reached "the world".
 */
import { Deferred, Effect, Exit, Layer, Schema } from "effect"
import { type Call, Capability, Connector, Content, Entity, Recovery, Volatile } from "fibric"

export const Order = Entity.make("order")

export class EmailRefused extends Schema.TaggedError<EmailRefused>()("EmailRefused", {
  reason: Schema.String
}) {}

export const Notify = Capability.make("notify", {
  entity: Order,
  payload: {
    to: Schema.String,
    status: Schema.String,
    text: Content(Schema.String),
    traceId: Schema.optionalKey(Volatile(Schema.String))
  },
  success: Schema.Struct({ messageId: Schema.String }),
  error: EmailRefused,
  occasion: ({ status }) => status,
  recovery: Recovery.hold,
  deadline: "20 seconds",
  validity: "1 minute"
})

/** The same verb's sibling whose doubt lets others pass. */
export const Peek = Capability.make("peek", {
  entity: Order,
  payload: { what: Schema.String },
  success: Schema.Finite,
  occasion: ({ what }) => what,
  recovery: Recovery.hold,
  deadline: "20 seconds",
  doubtHoldsLane: false
})

/** `notify order <id>`, as often as a test likes: the same value each time. */
export const notify = (
  id: string,
  status = "shipped",
  changes: Partial<(typeof Notify.payload)["Type"]> = {}
) => Notify.propose(Order.at(id), { to: "ada@example.com", status, text: "It is on its way.", ...changes })

type Answer = ReturnType<Connector.Implementation<typeof Notify>>

/** One call that reached the connector. */
export interface Reached {
  readonly call: Call
  readonly payload: (typeof Notify.payload)["Type"]
}

/** The world as a test sees it. */
export interface World {
  readonly calls: Array<Reached>
  /** How the next calls answer; by default at once, with the provider's key as the message id. */
  answer: (reached: Reached) => Answer
  /** Calls that are between their start and their end, and the most there were for one entity. */
  readonly running: Map<string, number>
  most: number
  interrupted: number
  /** Resolves when the given number of calls has started. */
  readonly started: (calls: number) => Effect.Effect<void>
}

export const succeed = ({ call }: Reached): Answer => Effect.succeed({ messageId: call.key })

/** A world and the connector layer that acts on it. */
export const makeWorld = () => {
  const waiting: Array<{ readonly calls: number; readonly reached: Deferred.Deferred<void> }> = []
  const world: World = {
    calls: [],
    answer: succeed,
    running: new Map(),
    most: 0,
    interrupted: 0,
    started: (calls) =>
      Effect.suspend(() => {
        if (world.calls.length >= calls) return Effect.void
        const reached = Deferred.makeUnsafe<void>()
        waiting.push({ calls, reached })
        return Deferred.await(reached)
      })
  }
  const during = <A, E>(call: Call, run: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      const running = (world.running.get(call.entity.id) ?? 0) + 1
      world.running.set(call.entity.id, running)
      world.most = Math.max(world.most, running)
      for (const { calls, reached } of waiting) {
        if (world.calls.length >= calls) Deferred.doneUnsafe(reached, Exit.void)
      }
      return run
    }).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          world.running.set(call.entity.id, (world.running.get(call.entity.id) ?? 1) - 1)
          if (Exit.isFailure(exit) && Exit.hasInterrupts(exit)) world.interrupted += 1
        })
      )
    )
  const layer = Connector.make("test", Notify, Peek).toLayer({
    notify: (payload, call) =>
      Effect.suspend(() => {
        const reached = { payload, call }
        world.calls.push(reached)
        return during(call, world.answer(reached))
      }),
    peek: (payload, call) => during(call, Effect.succeed(payload.what.length))
  })
  return { world, layer }
}

/** The connector over a runtime, with both for the test to use. */
export const over = <A, E, R, S, E2, R2>(
  connector: Layer.Layer<A, E, R>,
  runtime: Layer.Layer<S, E2, R2>
): Layer.Layer<A | S, E | E2, R2 | Exclude<R, S>> => Layer.provideMerge(connector, runtime)
