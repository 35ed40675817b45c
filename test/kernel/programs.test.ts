/**
 * Programs: several effects in one action.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  Capability,
  Connector,
  Entity,
  execute,
  type Executor,
  Fibric,
  IdempotencyKey,
  type ProgramCall,
  ReceiptLog,
  Recovery,
  Verdicts,
  Operator
} from "fibric"

const Order = Entity.make("order")
const Customer = Entity.make("customer")

class CardDeclined extends Schema.TaggedError<CardDeclined>()("CardDeclined", { code: Schema.String }) {}

const step = <const Name extends string>(name: Name) =>
  Capability.make(name, {
    entity: Order,
    payload: { what: Schema.String },
    success: Schema.String,
    error: CardDeclined,
    occasion: ({ what }) => what,
    recovery: Recovery.hold,
    deadline: "20 seconds"
  })

const Charge = step("charge")
const Ship = step("ship")
const Thank = Capability.make("thank", {
  entity: Customer,
  payload: { order: Schema.String },
  success: Schema.String,
  occasion: ({ order }) => order,
  recovery: Recovery.hold,
  deadline: "20 seconds"
})

const Fulfil = Capability.make("fulfil", {
  entity: Order,
  payload: { customer: Schema.String },
  success: Schema.Array(Schema.String),
  error: CardDeclined,
  occasion: ({ customer }) => customer,
  recovery: Recovery.replay,
  deadline: "1 minute",
  validity: "1 hour"
})

const fulfil = (id: string, customer = "ada") => Fulfil.propose(Order.at(id), { customer })

type Steps = Connector.Handler<"charge"> | Connector.Handler<"ship"> | Connector.Handler<"thank">
type Body = (call: ProgramCall) => Effect.Effect<ReadonlyArray<string>, unknown, Steps>

interface Shop {
  readonly calls: Array<string>
  /** What the program does; changed between two runs as code is. */
  body: Body
  /** How a call of a step goes. */
  answer: (name: string) => Effect.Effect<string, CardDeclined>
}

const all: Body = ({ entity, perform }) =>
  Effect.gen(function* () {
    const order = Order.at(entity.id)
    const paid = yield* perform(Charge.propose(order, { what: "full" }))
    const sent = yield* perform(Ship.propose(order, { what: "parcel" }))
    yield* perform(Thank.propose(Customer.at("ada"), { order: entity.id }))
    return [paid.receipt.outcome, sent.receipt.outcome]
  })

const story = (
  sentence: string,
  body: (
    shop: Shop
  ) => Effect.Effect<void, unknown, Steps | Executor | ReceiptLog | Verdicts | Connector.Handler<"fulfil">>
) =>
  it.effect(sentence, () => {
    const shop: Shop = { calls: [], body: all, answer: (name) => Effect.succeed(name) }
    const call = (name: string) =>
      Effect.suspend(() => {
        shop.calls.push(name)
        return shop.answer(name)
      })
    const steps = Connector.make("steps", Charge, Ship, Thank).toLayer({
      charge: () => call("charge"),
      ship: () => call("ship"),
      thank: () => Effect.orDie(call("thank"))
    })
    const programs = Connector.make("programs", Fulfil).toLayer({
      // A body is any program; what it may fail with besides its refusal is the kernel's to read.
      fulfil: (_payload, program) => shop.body(program) as Effect.Effect<Array<string>, CardDeclined, Steps>
    })
    return Effect.provide(
      body(shop),
      programs.pipe(Layer.provideMerge(steps), Layer.provideMerge(Fibric.layerMemory))
    )
  })

describe("a program", () => {
  story("performs its steps in its own place, in order, and settles with what it came to", (shop) =>
    Effect.gen(function* () {
      const { receipt } = yield* execute(fulfil("1"))
      assert.strictEqual(receipt.body, `["performed","performed"]`)
      assert.deepStrictEqual(shop.calls, ["charge", "ship", "thank"])
      yield* execute(fulfil("1"))
      assert.deepStrictEqual(shop.calls, ["charge", "ship", "thank"])
      const log = yield* ReceiptLog
      assert.deepStrictEqual(yield* log.totals(), { performed: 4, deduplicated: 1 })
    })
  )

  story("keeps others of its entity waiting until it has ended", (shop) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      shop.answer = (name) =>
        name === "ship" && shop.calls.length === 2
          ? Effect.as(Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(gate)), name)
          : Effect.succeed(name)
      const program = yield* Effect.forkChild(execute(fulfil("1")))
      yield* Deferred.await(begun)
      const other = yield* Effect.forkChild(execute(Ship.propose(Order.at("1"), { what: "a gift" })))
      yield* Effect.yieldNow
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(program)
      yield* Fiber.join(other)
      assert.deepStrictEqual(shop.calls, ["charge", "ship", "thank", "ship"])
    })
  )

  story("that stops is run again from the top: what has settled is not performed again", (shop) =>
    Effect.gen(function* () {
      shop.body = ({ entity, perform }) =>
        Effect.andThen(
          perform(Charge.propose(Order.at(entity.id), { what: "full" })),
          Effect.fail("the shop is on fire")
        )
      const stopped = yield* Effect.flip(execute(fulfil("1")))
      assert.deepInclude(stopped, { _tag: "Unfinished", safeToRetry: true })
      assert.deepStrictEqual(shop.calls, ["charge"])
      shop.body = all
      yield* execute(fulfil("1"))
      assert.deepStrictEqual(shop.calls, ["charge", "ship", "thank"])
      const log = yield* ReceiptLog
      const outcomes = (yield* log.byKey(fulfil("1").key)).map(({ outcome, proof }) => [outcome, proof])
      assert.deepStrictEqual(outcomes, [
        ["in_doubt", null],
        ["released", "steps_recorded"],
        ["performed", null]
      ])
    })
  )

  story("whose code has changed performs what it had not, wherever that stands now", (shop) =>
    Effect.gen(function* () {
      shop.body = ({ entity, perform }) =>
        Effect.andThen(perform(Ship.propose(Order.at(entity.id), { what: "parcel" })), Effect.fail("stopped"))
      yield* Effect.flip(execute(fulfil("1")))
      shop.body = all
      yield* execute(fulfil("1"))
      assert.deepStrictEqual(shop.calls, ["ship", "charge", "thank"])
    })
  )

  story("asks for one step twice and performs it once", (shop) =>
    Effect.gen(function* () {
      shop.body = ({ entity, perform }) =>
        Effect.gen(function* () {
          const charge = perform(Charge.propose(Order.at(entity.id), { what: "full" }))
          const receipts = [(yield* charge).receipt.id, (yield* charge).receipt.id]
          assert.strictEqual(receipts[0], receipts[1])
          return []
        })
      yield* execute(fulfil("1"))
      assert.deepStrictEqual(shop.calls, ["charge"])
    })
  )

  story("of another key has steps of its own, and so has an action beside it", (shop) =>
    Effect.gen(function* () {
      yield* execute(fulfil("1"))
      yield* execute(fulfil("1", "grace"))
      yield* execute(Charge.propose(Order.at("1"), { what: "full" }))
      assert.deepStrictEqual(
        shop.calls.filter((name) => name === "charge"),
        ["charge", "charge", "charge"]
      )
    })
  )

  story("with a step in doubt waits in doubt with it, and goes on once that is known", (shop) =>
    Effect.gen(function* () {
      shop.answer = (name) => (name === "ship" ? Effect.die("the line went dead") : Effect.succeed(name))
      const log = yield* ReceiptLog
      const doubt = yield* Effect.flip(execute(fulfil("1")))
      assert.strictEqual(doubt._tag, "InDoubt")
      const held = yield* Effect.flip(execute(Charge.propose(Order.at("1"), { what: "more" })))
      assert.strictEqual(held._tag, "LaneHeld")
      shop.answer = (name) => Effect.succeed(name)
      assert.deepStrictEqual(yield* log.totals(), { performed: 1, in_doubt: 2, denied: 1 })
      const again = yield* Effect.flip(execute(fulfil("1")))
      assert.strictEqual(again._tag, "InDoubt")
      const verdicts = yield* Verdicts
      const parcel = IdempotencyKey.ofStep(
        fulfil("1").key,
        Ship.propose(Order.at("1"), { what: "parcel" }).key
      )
      yield* verdicts
        .release(parcel, { attempt: 1, reason: "the parcel is still here", force: true })
        .pipe(Operator.as("dana"))
      yield* TestClock.adjust("10 seconds")
      yield* execute(fulfil("1"))
      assert.deepStrictEqual(shop.calls, ["charge", "ship", "ship", "thank"])
    })
  )

  story("that a step refuses may refuse for it", (shop) =>
    Effect.gen(function* () {
      shop.answer = () => Effect.fail(new CardDeclined({ code: "51" }))
      const declined = yield* Effect.flip(execute(fulfil("1")))
      assert.deepInclude(declined, { _tag: "CardDeclined", code: "51" })
      assert.deepStrictEqual(shop.calls, ["charge"])
      yield* Effect.flip(execute(fulfil("1")))
      assert.deepStrictEqual(shop.calls, ["charge"])
    })
  )

  story("that goes on after its end performs nothing more", (shop) =>
    Effect.gen(function* () {
      const late = yield* Deferred.make<ProgramCall>()
      shop.body = (program) => Effect.as(Deferred.succeed(late, program), [])
      yield* execute(fulfil("1"))
      const program = yield* Deferred.await(late)
      const refused = yield* Effect.flip(program.perform(Charge.propose(Order.at("1"), { what: "full" })))
      assert.deepInclude(refused, { _tag: "NotPerformed", proof: "never_started" })
      assert.deepStrictEqual(shop.calls, [])
      const log = yield* ReceiptLog
      assert.deepStrictEqual(yield* log.totals(), { performed: 1, denied: 1 })
    })
  )

  it.effect("may be a step of another program, on the same entity", () => {
    const calls: Array<string> = []
    const Outer = Capability.make("outer", {
      entity: Order,
      payload: {},
      success: Schema.Void,
      error: CardDeclined,
      occasion: () => "once",
      recovery: Recovery.replay,
      deadline: "1 minute"
    })
    const steps = Connector.make("steps", Charge, Ship).toLayer({
      charge: () =>
        Effect.as(
          Effect.sync(() => void calls.push("charge")),
          "charge"
        ),
      ship: () =>
        Effect.as(
          Effect.sync(() => void calls.push("ship")),
          "ship"
        )
    })
    const inner = Connector.make("inner", Fulfil).toLayer({
      fulfil: (_payload, { entity, perform }) =>
        Effect.as(perform(Charge.propose(Order.at(entity.id), { what: "full" })), [])
    })
    const outer = Connector.make("outer", Outer).toLayer({
      outer: (_payload, { entity, perform }) =>
        Effect.gen(function* () {
          yield* perform(fulfil(entity.id))
          yield* perform(Ship.propose(Order.at(entity.id), { what: "parcel" }))
        })
    })
    return Effect.gen(function* () {
      yield* execute(Outer.propose(Order.at("1"), {}))
      assert.deepStrictEqual(calls, ["charge", "ship"])
    }).pipe(
      Effect.provide(
        outer.pipe(
          Layer.provideMerge(inner),
          Layer.provideMerge(steps),
          Layer.provideMerge(Fibric.layerMemory)
        )
      )
    )
  })
})
