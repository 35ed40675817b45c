/**
 * Metrics: what is counted, with which labels, and that it comes back down.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Metric, Schema } from "effect"
import { Capability, Connector, execute, Fibric, Operator, Recovery } from "fibric"
import { makeWorld, notify, Order, over, succeed } from "../support/orders.ts"

interface Series {
  readonly id: string
  readonly attributes: Readonly<Record<string, string>> | undefined
  readonly state: { readonly value?: number; readonly count?: number; readonly sum?: number }
}

/** All series of a metric: their labels, and what each is at. */
const seriesOf = (name: string): Effect.Effect<ReadonlyArray<Readonly<Record<string, unknown>>>> =>
  Effect.map(Metric.snapshot, (metrics) =>
    // A state is another one for each type; what is read here stands in all of those that are used.
    (metrics as unknown as ReadonlyArray<Series>)
      .filter(({ id }) => id === name)
      .map(({ attributes, state }) => ({ ...attributes, is: state.count ?? state.value }))
  )

/** A runtime with a registry of its own: other tests count too. */
const counted = () => Layer.provideMerge(Fibric.layerMemory, Layer.succeed(Metric.MetricRegistry, new Map()))

const law = (
  sentence: string,
  body: (world: ReturnType<typeof makeWorld>["world"]) => Effect.Effect<void, unknown, Provided>
) => {
  it.effect(sentence, () => {
    const { layer, world } = makeWorld()
    return Effect.provide(body(world), over(layer, counted()))
  })
}

type Provided = Layer.Success<ReturnType<typeof provided>>
const provided = () => over(makeWorld().layer, Fibric.layerMemory)

describe("the metrics", () => {
  law("count requests by connector, capability and outcome, each as often as it was asked", () =>
    Effect.gen(function* () {
      yield* execute(notify("4471")).pipe(Operator.as("shipping"))
      for (let times = 0; times < 3; times++) yield* execute(notify("4471"))
      yield* Effect.flip(execute(notify("4471", "shipped", { to: "eve@example.com" })))
      assert.deepStrictEqual(yield* seriesOf("fibric_effects_total"), [
        { connector: "test", capability: "notify", outcome: "performed", is: 1 },
        { connector: "test", capability: "notify", outcome: "deduplicated", is: 3 },
        { connector: "test", capability: "notify", outcome: "conflict", is: 1 }
      ])
      assert.deepStrictEqual(yield* seriesOf("fibric_effect_duration_seconds"), [
        { connector: "test", capability: "notify", outcome: "performed", is: 1 }
      ])
    })
  )

  it.effect("tell connectors and capabilities apart whose names have spaces in them", () => {
    const named = (connector: string, capability: string) => {
      const Told = Capability.make(capability, {
        entity: Order,
        payload: {},
        success: Schema.Void,
        occasion: () => "once",
        recovery: Recovery.hold,
        deadline: "20 seconds"
      })
      const layer = Connector.make(connector, Told).toLayer({ [capability]: () => Effect.void })
      return { Told, layer }
    }
    const [one, other] = [named("post", "room tell"), named("post room", "tell")]
    return Effect.gen(function* () {
      yield* execute(one.Told.propose(Order.at("1"), {}))
      yield* execute(other.Told.propose(Order.at("1"), {}))
      assert.deepStrictEqual(yield* seriesOf("fibric_effects_total"), [
        { connector: "post", capability: "room tell", outcome: "performed", is: 1 },
        { connector: "post room", capability: "tell", outcome: "performed", is: 1 }
      ])
    }).pipe(Effect.provide(over(Layer.mergeAll(one.layer, other.layer), counted())))
  })

  law("count joiners once each", (world) =>
    Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(goOn), succeed(reached))
      const asking = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 657 }, () => execute(notify("1"))),
          { concurrency: "unbounded" }
        )
      )
      yield* world.started(1)
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(asking)
      const counts = yield* seriesOf("fibric_effects_total")
      assert.deepStrictEqual(
        counts.map((series) => series["is"]),
        [1, 656]
      )
    })
  )

  law("show what is in flight and what waits, and come back to 0", (world) =>
    Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(goOn), succeed(reached))
      const asking = yield* Effect.forkChild(
        Effect.all([execute(notify("1", "packed")), execute(notify("1", "shipped")), execute(notify("2"))], {
          concurrency: "unbounded"
        })
      )
      yield* world.started(2)
      assert.deepStrictEqual(yield* seriesOf("fibric_in_flight"), [{ is: 2 }])
      assert.deepStrictEqual(yield* seriesOf("fibric_waiting"), [{ is: 1 }])
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(asking)
      assert.deepStrictEqual(yield* seriesOf("fibric_in_flight"), [{ is: 0 }])
      assert.deepStrictEqual(yield* seriesOf("fibric_waiting"), [{ is: 0 }])
    })
  )

  law("have nothing of a key, an entity, an operator or a payload in a label", () =>
    Effect.gen(function* () {
      const canary = "canary-4711"
      yield* execute(notify(canary, canary, { to: canary, text: canary })).pipe(Operator.as(canary))
      const snapshot = JSON.stringify(yield* Metric.snapshot)
      assert.include(snapshot, "fibric_effects_total")
      assert.notInclude(snapshot, canary)
    })
  )
})
