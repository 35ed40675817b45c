import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  awaitReceipt,
  Capability,
  Connector,
  execute,
  Fibric,
  LaneHeld,
  NotPerformed,
  Operator,
  receiptOf,
  ReceiptLog,
  Recovery,
  Verdicts
} from "fibric"
import type * as Runtime from "../../src/kernel/Runtime.ts"
import { EmailRefused, makeWorld, notify, Order, over, succeed, type World } from "../support/orders.ts"
import { fault } from "../support/fault.ts"

type Needs = Runtime.Services | Connector.Handler<"notify">

const story = (sentence: string, body: (world: World) => Effect.Effect<void, unknown, Needs>) =>
  it.effect(sentence, () => {
    const { world, layer } = makeWorld()
    return Effect.provide(body(world), over(layer, Fibric.layerMemory))
  })

const totals = Effect.flatMap(ReceiptLog, (log) => log.totals(notify("1").key))
const action = notify("1")

describe("a caller whose patience ends", () => {
  story(
    `${fault("timeout hid a success")} hears that the action goes on, and gets its receipt by asking for it`,
    (world) =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
        const asking = yield* Effect.forkChild(Effect.flip(execute(action, { patience: "5 seconds" })), {
          startImmediately: true
        })
        yield* world.started(1)
        assert.deepStrictEqual(yield* receiptOf(action.key), Option.none())
        yield* TestClock.adjust("5 seconds")
        const error = yield* Fiber.join(asking)
        assert.deepInclude({ ...(error as object) }, { _tag: "InProgress", waitedMillis: 5_000 })
        assert.strictEqual(world.interrupted, 0)
        const waiting = yield* Effect.forkChild(awaitReceipt(action.key), { startImmediately: true })
        yield* Deferred.succeed(gate, undefined)
        const receipt = yield* Fiber.join(waiting)
        assert.strictEqual(receipt.outcome, "performed")
        assert.deepStrictEqual(yield* receiptOf(action.key), Option.some(receipt))
        assert.deepStrictEqual(yield* totals, { performed: 1 })
      })
  )

  story("has been counted, although it left", (world) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
      const leader = yield* Effect.forkChild(execute(action), { startImmediately: true })
      yield* world.started(1)
      const impatient = yield* Effect.forkChild(Effect.flip(execute(action, { patience: "1 second" })), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(impatient)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(leader)
      yield* awaitReceipt(action.key)
      assert.deepStrictEqual(yield* totals, { performed: 1, joined: 1 })
    })
  )
})

describe("the receipt of a key", () => {
  story("that nobody has claimed is none, and waiting for it is refused", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* receiptOf(action.key), Option.none())
      const error = yield* Effect.flip(awaitReceipt(action.key))
      assert.strictEqual(error._tag, "UnknownKey")
    })
  )

  story("that is under way again is none, whatever became of the attempt before", (world) =>
    Effect.gen(function* () {
      world.answer = () => busy
      yield* Effect.flip(execute(action))
      const released = Option.map(yield* receiptOf(action.key), ({ outcome }) => outcome)
      assert.deepStrictEqual(released, Option.some("released"))
      world.answer = () => Effect.never
      yield* Effect.forkChild(execute(action), { startImmediately: true })
      yield* world.started(2)
      assert.deepStrictEqual(yield* receiptOf(action.key), Option.none())
    })
  )

  story("in doubt is the doubt's, with when to look again", (world) =>
    Effect.gen(function* () {
      world.answer = () => Effect.die("the line broke")
      yield* Effect.flip(execute(action))
      const receipt = yield* awaitReceipt(action.key)
      assert.strictEqual(receipt.outcome, "in_doubt")
      assert.isFalse(receipt.safeToRetry)
      // The deadline of 20 seconds and the quarantine of a minute: from then on a person may decide.
      assert.strictEqual(receipt.checkAfter?.epochMilliseconds, 80_000)
    })
  )
})

const Ring = Capability.make("ring", {
  entity: Order,
  payload: { number: Schema.String },
  success: Schema.Void,
  error: EmailRefused,
  occasion: ({ number }) => number,
  recovery: Recovery.hold,
  deadline: "10 seconds",
  validity: "1 minute",
  retry: Schedule.spaced("2 seconds").pipe(Schedule.upTo({ times: 3 }))
})

/** A connector that answers in turn; what is left over answers like the last. */
const ringing = (...answers: ReadonlyArray<Effect.Effect<void, EmailRefused | NotPerformed>>) => {
  const keys: Array<string> = []
  const layer = Connector.make("phone", Ring).toLayer({
    ring: (_, { key }) =>
      Effect.suspend(() => {
        keys.push(key)
        return answers[Math.min(keys.length, answers.length) - 1] ?? Effect.void
      })
  })
  return { keys, layer: Layer.provideMerge(layer, Fibric.layerMemory) }
}

const busy = Effect.fail(new NotPerformed({ proof: "never_sent", reason: "connection refused" }))
const ring = Ring.propose(Order.at("1"), { number: "555" })
const ringOutcomes = Effect.gen(function* () {
  const log = yield* ReceiptLog
  return (yield* log.byKey(ring.key)).map(({ outcome }) => outcome)
})

describe("proof that nothing was performed", () => {
  it.effect("is followed by another try, as the capability's schedule says, under a new provider key", () => {
    const { keys, layer } = ringing(busy, busy, Effect.void)
    return Effect.gen(function* () {
      const asking = yield* Effect.forkChild(execute(ring), { startImmediately: true })
      yield* TestClock.adjust("4 seconds")
      const { receipt } = yield* Fiber.join(asking)
      assert.deepStrictEqual([receipt.outcome, receipt.attempt], ["performed", 3])
      assert.strictEqual(new Set(keys).size, 3)
      assert.deepStrictEqual(yield* ringOutcomes, ["released", "released", "performed"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("is the answer when the schedule ends", () => {
    const { keys, layer } = ringing(busy)
    return Effect.gen(function* () {
      const asking = yield* Effect.forkChild(Effect.flip(execute(ring)), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(asking))._tag, "NotPerformed")
      assert.strictEqual(keys.length, 4)
    }).pipe(Effect.provide(layer))
  })

  it.effect("then a refusal by the provider: settled as refused, and no doubt", () => {
    const { keys, layer } = ringing(busy, Effect.fail(new EmailRefused({ reason: "no such number" })))
    return Effect.gen(function* () {
      const asking = yield* Effect.forkChild(Effect.flip(execute(ring)), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(asking))._tag, "EmailRefused")
      assert.strictEqual(keys.length, 2)
      assert.deepStrictEqual(yield* ringOutcomes, ["released", "refused"])
    }).pipe(Effect.provide(layer))
  })
})

describe("a refusal that is reopened", () => {
  story("is performed with a mended payload, under a new provider key", (world) =>
    Effect.gen(function* () {
      const verdicts = yield* Verdicts
      world.answer = () => Effect.fail(new EmailRefused({ reason: "no such mailbox" }))
      yield* Effect.flip(execute(action))
      yield* Effect.flip(execute(action))
      assert.strictEqual(world.calls.length, 1)
      yield* verdicts.reopen(action.key, { attempt: 1, reason: "mistyped" }).pipe(Operator.as("dana"))
      world.answer = succeed
      const { receipt } = yield* execute(notify("1", "shipped", { to: "grace@example.com" }))
      assert.deepStrictEqual([receipt.outcome, receipt.attempt], ["performed", 2])
      assert.deepStrictEqual(
        world.calls.map(({ call }) => call.key.slice(-2)),
        ["-0", "-1"]
      )
    })
  )
})

describe("a key that was abandoned", () => {
  story("is never performed, and says who gave it up; the entity's lane is free", (world) =>
    Effect.gen(function* () {
      const verdicts = yield* Verdicts
      world.answer = () => Effect.die("the line broke")
      yield* Effect.flip(execute(action))
      const verdict = { attempt: 1, reason: "the customer moved" }
      const early = yield* Effect.flip(verdicts.abandon(action.key, verdict).pipe(Operator.as("dana")))
      assert.strictEqual(early._tag, "VerdictTooEarly")
      yield* verdicts.abandon(action.key, { ...verdict, force: true }).pipe(Operator.as("dana"))
      const error = yield* Effect.flip(execute(action))
      assert.strictEqual(error._tag, "Abandoned")
      if (error._tag === "Abandoned") assert.strictEqual(error.receipt.operator, "dana")
      world.answer = succeed
      yield* execute(notify("1", "delivered"))
      assert.strictEqual(world.calls.length, 2)
      assert.deepStrictEqual(yield* totals, { in_doubt: 1, abandoned: 1, deduplicated: 1 })
    })
  )
})

describe("a doubt that a person releases", () => {
  story(
    `${fault("verdict beside a zombie")} is performed when it is asked for again; a late success of the first call is told as a duplicate`,
    (world) =>
      Effect.gen(function* () {
        const verdicts = yield* Verdicts
        world.answer = (reached) =>
          world.calls.length === 1 ? Effect.delay(succeed(reached), "45 seconds") : succeed(reached)
        const asking = yield* Effect.forkChild(Effect.flip(execute(action)), { startImmediately: true })
        yield* world.started(1)
        yield* TestClock.adjust("20 seconds")
        const doubt = yield* Fiber.join(asking)
        assert.strictEqual(doubt._tag, "InDoubt")
        yield* verdicts
          .release(action.key, { attempt: 1, reason: "not in the list", force: true })
          .pipe(Operator.as("dana"))
        const { receipt } = yield* execute(action)
        assert.deepStrictEqual([receipt.outcome, receipt.attempt], ["performed", 2])
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(yield* totals, {
          in_doubt: 1,
          released: 1,
          performed: 1,
          duplicate_observed: 1
        })
        assert.strictEqual((yield* execute(action)).receipt.id, receipt.id)
      })
  )
})

describe("what is said for a script", () => {
  story("is whether to ask again, and when to look", (world) =>
    Effect.gen(function* () {
      world.answer = () => Effect.die("the line broke")
      yield* Effect.flip(execute(action))
      const held = yield* Effect.flip(execute(notify("1", "delivered")))
      assert.instanceOf(held, LaneHeld)
      assert.isTrue(held.safeToRetry)
      assert.strictEqual(held.checkAfter?.epochMilliseconds, 80_000)
    })
  )
})

describe("a call that reveals a duplicate", () => {
  story("answers with the receipt that stands, and dies of nothing", (world) =>
    Effect.gen(function* () {
      const verdicts = yield* Verdicts
      const gate = yield* Deferred.make<void>()
      world.answer = (reached) =>
        world.calls.length === 1
          ? Effect.delay(succeed(reached), "30 seconds")
          : Effect.andThen(Deferred.await(gate), succeed(reached))
      const first = yield* Effect.forkChild(Effect.flip(execute(action)), { startImmediately: true })
      yield* world.started(1)
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(first)
      yield* verdicts
        .release(action.key, { attempt: 1, reason: "not in the list", force: true })
        .pipe(Operator.as("dana"))
      const second = yield* Effect.forkChild(execute(action), { startImmediately: true })
      yield* world.started(2)
      // The first call's success comes while the second is in flight, and settles the key.
      yield* TestClock.adjust("11 seconds")
      yield* Deferred.succeed(gate, undefined)
      const { receipt } = yield* Fiber.join(second)
      assert.strictEqual(receipt.outcome, "resolved")
      assert.strictEqual((yield* totals).duplicate_observed, 1)
    })
  )
})
