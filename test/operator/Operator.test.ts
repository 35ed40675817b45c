import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Exit, Layer, Metric, Scope } from "effect"
import { TestClock } from "effect/testing"
import { EventSource, Fibric, Operator } from "fibric"
import type { Outbox } from "../../src/kernel/Outbox.ts"
import { makeBox } from "../support/outboxes.ts"
import {
  changed,
  type Changed,
  listen,
  makeShop,
  Order,
  Tell,
  tell,
  telling,
  type Told,
  wish
} from "./fixtures.ts"

/** A process that runs the operator until it is stopped, or the test ends. */
const start = Effect.fnUntraced(function* <Event, R>(operator: Operator.Operator<Event, R>) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  yield* Layer.buildWithScope(Operator.layer(operator), scope)
  yield* TestClock.adjust("1 milli")
  return { stop: Scope.close(scope, Exit.void) }
})

const setUp = () => {
  const outbox = makeBox()
  const log: Array<Told> = []
  const shop = makeShop()
  const over = <A, E>(test: Effect.Effect<A, E, Layer.Success<ReturnType<typeof layers>> | Scope.Scope>) =>
    test.pipe(Effect.scoped, Effect.provide(layers()))
  const layers = () =>
    shop.layer.pipe(
      Layer.provideMerge(Layer.merge(Fibric.layerMemory, outbox.layer)),
      Layer.provideMerge(listen(log))
    )
  /** What waits, as `4471 shipped`. */
  const waiting = () =>
    outbox.box.rows.map(({ entity, payload }) => `${entity.id} ${(payload as { what: string }).what}`)
  return { ...outbox, log, shop, over, waiting }
}

const held = Effect.map(
  Metric.snapshot,
  (metrics) => metrics.find(({ id }) => id === "fibric_operators_held")?.state
)

describe("an operator", () => {
  it.effect(
    "proposes one action for one event, in its own name, and moves behind it in the same write",
    () => {
      const { box, deliverDue, over, shop } = setUp()
      const orders = EventSource.memory("orders", [changed("4471")])
      return over(
        Effect.gen(function* () {
          yield* start(telling(orders))
          assert.deepStrictEqual(box.writes, [
            {
              proposals: [
                {
                  capability: "tell",
                  entity: { type: "order", id: "4471" },
                  payload: { what: "shipped" },
                  decidedAt: undefined,
                  operator: "teller",
                  dueAt: undefined
                }
              ],
              move: { operator: "teller", source: "orders", from: undefined, to: "1" }
            }
          ])
          const [ended] = yield* deliverDue(Tell)
          assert.strictEqual(ended?._tag === "Success" && ended.success.receipt.operator, "teller")
          assert.deepStrictEqual(shop.told, ["4471 shipped"])
        })
      )
    }
  )

  it.effect("hears of a new event without waiting for its next look", () => {
    const { over, waiting } = setUp()
    const orders = EventSource.memory<Changed>("orders")
    return over(
      Effect.gen(function* () {
        yield* start(telling(orders))
        yield* TestClock.adjust("1 minute")
        yield* orders.append(changed("1"))
        yield* TestClock.adjust("20 millis")
        assert.deepStrictEqual(waiting(), ["1 shipped"])
      })
    )
  })

  it.effect("proposes none, one or many, in order", () => {
    const { over, waiting } = setUp()
    const orders = EventSource.memory("orders", [changed("1"), changed("2"), changed("3")])
    const many = Operator.make("many", {
      watch: orders,
      propose: (event) => (event.order === "2" ? [] : [tell(event), tell({ ...event, status: "thanks" })])
    })
    return over(
      Effect.gen(function* () {
        yield* start(many)
        assert.deepStrictEqual(waiting(), ["1 shipped", "1 thanks", "3 shipped", "3 thanks"])
      })
    )
  })

  it.effect(
    "writes nothing for events that give no reason, and keeps from time to time that it has read them",
    () => {
      const { box, over } = setUp()
      const orders = EventSource.memory<Changed>("orders", [changed("1")])
      return over(
        Effect.gen(function* () {
          yield* start(telling(orders))
          yield* orders.append(changed("2", "packed"))
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual(box.writes.length, 1)
          yield* TestClock.adjust("6 seconds")
          yield* orders.append(changed("3", "packed"))
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(box.writes.slice(1), [
            { proposals: [], move: { operator: "teller", source: "orders", from: "1", to: "3" } }
          ])
        })
      )
    }
  )

  it.effect("delivers a delayed action when it is due, after its guard has been asked then", () => {
    const { box, deliverDue, over, shop } = setUp()
    const orders = EventSource.memory("orders", [changed("1"), changed("2")])
    const remind = Operator.make("reminder", {
      watch: orders,
      propose: (event) =>
        event.order === "1"
          ? Operator.later(tell(event), "2 days")
          : Operator.notBefore(tell(event), DateTime.makeUnsafe("1970-01-04T00:00:00Z"))
    })
    return over(
      Effect.gen(function* () {
        const process = yield* start(remind)
        assert.deepStrictEqual(
          box.rows.map(({ dueAt }) => dueAt && DateTime.formatIso(dueAt)),
          ["1970-01-03T00:00:00.000Z", "1970-01-04T00:00:00.000Z"]
        )
        yield* process.stop
        yield* TestClock.setTime(Date.UTC(1970, 0, 2, 23, 59))
        assert.deepStrictEqual(yield* deliverDue(Tell), [])
        yield* start(remind)
        yield* TestClock.adjust("2 minutes")
        wish.isWanted = false
        const [superseded] = yield* deliverDue(Tell)
        assert.strictEqual(superseded?._tag === "Failure" && superseded.failure._tag, "Superseded")
        wish.isWanted = true
        yield* TestClock.setTime(Date.UTC(1970, 0, 4))
        yield* deliverDue(Tell)
        assert.deepStrictEqual(shop.told, ["2 shipped"])
      })
    )
  })
})

describe("an operator whose process dies", () => {
  it.effect(
    "has written the proposals and the move, or neither: its successor proposes nothing twice",
    () => {
      const { box, over, waiting } = setUp()
      const orders = EventSource.memory("orders", [changed("1"), changed("2")])
      return over(
        Effect.gen(function* () {
          // What was written is never answered: the process is as good as dead from then on.
          box.silent = true
          yield* start(telling(orders))
          box.silent = false
          yield* start(telling(orders))
          yield* orders.append(changed("3"))
          yield* TestClock.adjust("2 seconds")
          assert.deepStrictEqual(waiting(), ["1 shipped", "2 shipped", "3 shipped"])
        })
      )
    }
  )

  it.effect("is followed from the place that it kept, over a restart", () => {
    const { over, waiting } = setUp()
    const orders = EventSource.memory("orders", [changed("1")])
    return over(
      Effect.gen(function* () {
        const first = yield* start(telling(orders))
        yield* first.stop
        yield* orders.append(changed("2"))
        yield* start(telling(orders))
        assert.deepStrictEqual(waiting(), ["1 shipped", "2 shipped"])
      })
    )
  })
})
