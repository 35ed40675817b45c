import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import {
  Capability,
  Connector,
  Entity,
  execute,
  Fibric,
  Operator,
  ReceiptLog,
  Recovery,
  Settings,
  StartRefused
} from "fibric"
import { makeWorld, Notify, notify, Order, over, type World } from "../support/orders.ts"
import { fault } from "../support/fault.ts"

/** A request that must be refused before anything is claimed. */
const refused = (
  what: string,
  ask: (world: World) => Effect.Effect<unknown, unknown, never> | ReturnType<typeof execute<typeof Notify>>,
  expected: Readonly<Record<string, string>>,
  message: RegExp
) =>
  it.effect(what, () => {
    const { world, layer } = makeWorld()
    return Effect.gen(function* () {
      const log = yield* ReceiptLog
      const error = yield* Effect.flip(ask(world))
      assert.instanceOf(error, Error)
      assert.deepInclude({ ...(error as object) }, expected)
      assert.match(error instanceof Error ? error.message : "", message)
      assert.strictEqual(world.calls.length, 0)
      assert.deepStrictEqual(yield* log.totals(), {})
    }).pipe(Effect.provide(over(layer, Fibric.layerMemory)))
  })

// A caller without types can pass anything; the kernel reads what it gets.
const payload = (value: unknown) => value as (typeof Notify.payload)["Type"]

const cyclic = () => {
  const value: Record<string, unknown> = { to: "a", status: "shipped", text: "t" }
  value["text"] = value
  return value
}

/** Small in memory, two to the fortieth when written out. */
const shared = () => {
  let part: unknown = "leaf"
  for (let level = 0; level < 40; level++) part = [part, part]
  return { to: "a", status: "shipped", text: part }
}

describe("a request that can't be an identity is refused before anything is claimed:", () => {
  const part = (part: string, problem: string) => ({ _tag: "InvalidKey", part, problem })
  refused("an empty entity id", () => execute(notify("")), part("entity id", "empty"), /entity id is empty/)
  refused(
    `${fault("key with NUL")} a NUL in the entity id`,
    () => execute(notify("a\u0000b")),
    part("entity id", "nul"),
    /NUL character/
  )
  refused(
    `${fault("key with half a surrogate pair")} half a surrogate pair in the entity id`,
    () => execute(notify("a\ud800")),
    part("entity id", "lone_surrogate"),
    /half of a surrogate pair/
  )
  refused(
    "an entity id of 257 characters",
    () => execute(notify("x".repeat(257))),
    part("entity id", "too_long"),
    /longer than 256/
  )
  refused("an empty occasion", () => execute(notify("1", "")), part("occasion", "empty"), /occasion is empty/)
  refused(
    `${fault("key with NUL")} a NUL in the occasion`,
    () => execute(notify("1", "\u0000")),
    part("occasion", "nul"),
    /NUL character/
  )
  refused(
    `${fault("key with half a surrogate pair")} half a surrogate pair in the occasion`,
    () => execute(notify("1", "\udc00")),
    part("occasion", "lone_surrogate"),
    /surrogate/
  )
  refused(
    "an occasion of 257 characters",
    () => execute(notify("1", "x".repeat(257))),
    part("occasion", "too_long"),
    /longer than 256/
  )
})

describe("a request that does not fit is refused before anything is claimed:", () => {
  refused(
    "a payload without a field",
    () => execute(Notify.propose(Order.at("1"), payload({ to: "a", status: "shipped" }))),
    { _tag: "InvalidPayload", problem: "does_not_fit" },
    /Missing key.*text/
  )
  refused(
    "a payload of another type",
    () => execute(Notify.propose(Order.at("1"), payload({ to: 7, status: "shipped", text: "t" }))),
    { _tag: "InvalidPayload", problem: "does_not_fit" },
    /\["to"\]/
  )
  refused(
    "no payload at all",
    () => execute(Notify.propose(Order.at("1"), payload(null))),
    { _tag: "InvalidPayload", problem: "does_not_fit" },
    /Expected object/
  )
  refused(
    "a payload that contains itself",
    () => execute(Notify.propose(Order.at("1"), payload(cyclic()))),
    { _tag: "InvalidPayload", problem: "payload_too_deep" },
    /deeper than 64 levels/
  )
  refused(
    `${fault("payload of 100 MB")} a payload of 100 MB`,
    () => execute(notify("1", "shipped", { text: "x".repeat(100_000_000) })),
    { _tag: "InvalidPayload", problem: "payload_too_large" },
    /10000\d{4} bytes as JSON, more than 262144/
  )
  refused(
    "a payload of more than a quarter of a megabyte",
    () => execute(notify("1", "shipped", { text: "x".repeat(262_145) })),
    { _tag: "InvalidPayload", problem: "payload_too_large" },
    /262\d{3} bytes as JSON, more than 262144/
  )
  refused(
    "a payload that shares its parts a million times",
    () => execute(Notify.propose(Order.at("1"), payload(shared()))),
    { _tag: "InvalidPayload", problem: "payload_too_large" },
    /more than 262144 values/
  )
  refused(
    "an operator without a name",
    () => execute(notify("1")).pipe(Operator.as("")),
    { _tag: "InvalidOperator" },
    /name is empty/
  )
  refused(
    "an operator whose name has a NUL",
    () => execute(notify("1")).pipe(Operator.as("a\u0000")),
    { _tag: "InvalidOperator" },
    /NUL character/
  )
})

describe("a capability whose occasion is wrong", () => {
  const withOccasion = (occasion: () => string) =>
    Capability.make("odd", {
      entity: Entity.make("order"),
      payload: { to: Schema.String },
      success: Schema.Void,
      occasion,
      recovery: Recovery.hold,
      deadline: "1 second"
    })
  const askOdd = (occasion: () => string) => {
    const Odd = withOccasion(occasion)
    const layer = Connector.make("odd", Odd).toLayer({ odd: () => Effect.void })
    return Effect.flip(execute(Odd.propose(Odd.entity.at("1"), { to: "a" }))).pipe(
      Effect.provide(over(layer, Fibric.layerMemory))
    )
  }

  it.effect("because it throws gives a typed error", () =>
    Effect.gen(function* () {
      const error = yield* askOdd(() => {
        throw new Error("no status")
      })
      assert.deepInclude({ ...error }, { _tag: "InvalidKey", part: "occasion", problem: "not_derivable" })
      assert.match(error.message, /no status/)
    })
  )

  it.effect("because it is not text gives a typed error", () =>
    Effect.gen(function* () {
      // JavaScript callers can return anything.
      const error = yield* askOdd(() => 7 as unknown as string)
      assert.deepInclude({ ...error }, { _tag: "InvalidKey", part: "occasion", problem: "not_a_string" })
    })
  )

  it.effect("a capability that succeeds with nothing is performed once like any other", () =>
    Effect.gen(function* () {
      const Quiet = withOccasion(() => "once")
      let calls = 0
      const layer = Connector.make("quiet", Quiet).toLayer({
        odd: () =>
          Effect.sync(() => {
            calls += 1
          })
      })
      yield* Effect.gen(function* () {
        const action = Quiet.propose(Quiet.entity.at("1"), { to: "a" })
        const first = yield* execute(action)
        const again = yield* execute(action)
        assert.strictEqual(again.receipt.id, first.receipt.id)
        assert.strictEqual(calls, 1)
      }).pipe(Effect.provide(over(layer, Fibric.layerMemory)))
    })
  )
})

describe("a conflict over a path that can't be stored as it is", () => {
  it.effect("is a conflict all the same, and is written down", () =>
    Effect.gen(function* () {
      const Tag = Capability.make("tag", {
        entity: Order,
        payload: { tags: Schema.Record(Schema.String, Schema.String) },
        success: Schema.Void,
        occasion: () => "once",
        recovery: Recovery.hold,
        deadline: "1 second"
      })
      const layer = Connector.make("tags", Tag).toLayer({ tag: () => Effect.void })
      yield* Effect.gen(function* () {
        const log = yield* ReceiptLog
        const ask = (tags: Record<string, string>) => execute(Tag.propose(Order.at("1"), { tags }))
        yield* ask({ a: "1" })
        const error = yield* Effect.flip(ask({ "a\u0000b": "2" }))
        assert.strictEqual(error._tag, "KeyConflict")
        const [, conflict] = yield* log.byKey(Tag.propose(Order.at("1"), { tags: {} }).key)
        assert.strictEqual(conflict?.reason, "differs at /tags/a, /tags/a\uFFFDb")
      }).pipe(Effect.provide(over(layer, Fibric.layerMemory)))
    })
  )
})

describe("capabilities and their connectors", () => {
  it.effect("a second capability of one name is refused at start", () =>
    Effect.gen(function* () {
      const one = makeWorld().layer
      const other = Connector.make("other", Notify).toLayer({
        notify: () => Effect.succeed({ messageId: "m" })
      })
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(Layer.provideMerge(Layer.mergeAll(one, other), Fibric.layerMemory)))
      )
      assert.instanceOf(error, StartRefused)
      assert.strictEqual(error.problem, "capability_taken")
      assert.match(error.message, /"notify"/)
    })
  )

  it.effect("a name is free again when its connector's layer is closed", () =>
    Effect.gen(function* () {
      const runtime = yield* Layer.build(Fibric.layerMemory)
      const connector = Layer.fresh(Layer.provide(makeWorld().layer, Layer.succeedContext(runtime)))
      yield* Effect.scoped(Layer.build(connector))
      yield* Effect.scoped(Layer.build(connector))
    }).pipe(Effect.scoped)
  )

  it.effect("a capability that another definition of the same name stands for is not performed", () =>
    Effect.gen(function* () {
      const Twin = Capability.make("notify", {
        entity: Order,
        payload: { to: Schema.String },
        success: Schema.Struct({ messageId: Schema.String }),
        occasion: () => "twin",
        recovery: Recovery.hold,
        deadline: "1 second"
      })
      const { world, layer } = makeWorld()
      const error = yield* Effect.flip(execute(Twin.propose(Order.at("1"), { to: "a" }))).pipe(
        Effect.provide(over(layer, Fibric.layerMemory))
      )
      assert.strictEqual(error._tag, "NotPerformed")
      assert.strictEqual(world.calls.length, 0)
    })
  )

  it.effect("the bounds are settings: a smaller payload bound is kept", () => {
    const { world, layer } = makeWorld()
    return Effect.gen(function* () {
      const error = yield* Effect.flip(execute(notify("1")))
      assert.deepInclude({ ...error }, { _tag: "InvalidPayload", problem: "payload_too_large" })
      assert.strictEqual(world.calls.length, 0)
    }).pipe(
      Effect.provide(over(layer, Layer.provide(Fibric.layerMemory, Settings.layer({ maxPayloadBytes: 10 }))))
    )
  })
})
