/**
 * A shop for the tests of operators: what happened to orders, the action that follows from it, and what an
 * operator's log says.
 */
import { Effect, Exit, Layer, Logger, Metric, References, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import {
  Capability,
  Connector,
  Entity,
  type EventSource,
  Fibric,
  Guard,
  Operator,
  Outbox,
  Recovery,
  Settings
} from "fibric"
import { layerTroubled, makeBox } from "../support/outboxes.ts"

export const Order = Entity.make("order")

export const Tell = Capability.make("tell", {
  entity: Order,
  payload: { what: Schema.String.check(Schema.isMaxLength(20)) },
  success: Schema.Void,
  occasion: ({ what }) => what,
  recovery: Recovery.hold,
  deadline: "5 seconds",
  stores: ["what"],
  guard: () => Effect.suspend(() => (wish.isWanted ? Guard.wanted : Guard.superseded("it came back")))
})

/** What the guard says, changeable while a test runs. */
export const wish = { isWanted: true }

/** A verb whose provider never says what became of it. */
export const Ring = Capability.make("ring", {
  entity: Order,
  payload: { bell: Schema.String },
  success: Schema.Void,
  occasion: ({ bell }) => bell,
  recovery: Recovery.hold,
  deadline: "5 seconds",
  doubtHoldsLane: false
})

/** What reached the world, as `4471 shipped`. */
export const makeShop = () => {
  const told: Array<string> = []
  const layer = Connector.make("shop", Tell, Ring).toLayer({
    tell: ({ what }, { entity }) => Effect.sync(() => void told.push(`${entity.id} ${what}`)),
    ring: () => Effect.die("the line broke")
  })
  return { told, layer }
}

export interface Changed {
  readonly order: string
  readonly status: string
}

export const changed = (order: string, status = "shipped"): Changed => ({ order, status })

export const tell = ({ order, status }: Changed) => Tell.propose(Order.at(order), { what: status })

/** Tells the customer when the order ships: one sentence. */
export const telling = (watch: EventSource.EventSource<Changed>) =>
  Operator.make("teller", {
    watch,
    propose: (event) => (event.status === "shipped" ? tell(event) : [])
  })

/** An operator's events in the log, as they come: its name without `fibric.operator.`, and its fields. */
export interface Told {
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

export const listen = (told: Array<Told>): Layer.Layer<never> =>
  Logger.layer([
    Logger.make(({ fiber, message }) => {
      const [, event] = /^fibric\.operator\.(\w+)$/.exec(String(message)) ?? []
      if (event === undefined) return
      told.push({ event, fields: fiber.getRef(References.CurrentLogAnnotations) })
    })
  ])

/** A process that runs the operator until it is stopped, or the test ends. */
export const start = Effect.fnUntraced(function* <Event, R>(operator: Operator.Operator<Event, R>) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  yield* Layer.buildWithScope(Operator.layer(operator), scope)
  yield* TestClock.adjust("1 milli")
  return { stop: Scope.close(scope, Exit.void) }
})

/** An outbox, a shop and the operators' log, and a runtime to test them in; it delivers where it is told to. */
export const setUp = ({ capacity = 1_000, delivers = false } = {}) => {
  const box = makeBox()
  const log: Array<Told> = []
  const shop = makeShop()
  const runtime = shop.layer.pipe(
    Layer.provideMerge(layerTroubled(box)),
    Layer.provideMerge(Fibric.layerMemory),
    Layer.provide(Settings.layer({ outboxCapacity: capacity })),
    Layer.provideMerge(listen(log))
  )
  const layer = delivers ? Layer.merge(runtime, Layer.provide(Outbox.layerDelivery, runtime)) : runtime
  const over = <A, E>(test: Effect.Effect<A, E, Layer.Success<typeof runtime> | Scope.Scope>) =>
    test.pipe(Effect.scoped, Effect.provide(layer))
  /** What was proposed, as `4471 shipped`. */
  const proposed = () =>
    box.landed.map(({ entity, payload }) => `${entity.id} ${(payload as { what: string }).what}`)
  return { box, log, shop, over, proposed }
}

/** How far an operator has read a source. */
export const cursorOf = (operator: string, source: string) =>
  Effect.flatMap(Outbox.Outbox, (outbox) => outbox.cursorOf(operator, source))

/** Makes room in the outbox: the first row of each entity is at its end. */
export const delivered = Effect.gen(function* () {
  const outbox = yield* Outbox.Outbox
  const taken = yield* outbox.take(["tell"], 100, 1_000)
  yield* outbox.deliver(
    taken.map((taken) => ({ taken, delivered: { _tag: "End", outcome: "performed", receipt: null } }))
  )
})

/** How many operators can't go on. */
export const held = Effect.map(
  Metric.snapshot,
  (metrics) =>
    (
      metrics.find(({ id }) => id === "fibric_operators_held")?.state as
        | { readonly value: number }
        | undefined
    )?.value ?? 0
)
