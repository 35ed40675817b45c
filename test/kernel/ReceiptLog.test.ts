import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, References } from "effect"
import { TestClock } from "effect/testing"
import { execute, Fibric, Operator } from "fibric"
import { claimed } from "../contracts/keys.ts"
import { layerRuntime, makeTrouble } from "../support/ledgers.ts"
import { makeWorld, notify, over } from "../support/orders.ts"

interface Event {
  readonly level: string
  readonly message: unknown
  readonly fields: Readonly<Record<string, unknown>>
}

/** Collects log events as they are emitted. */
const collecting = (events: Array<Event>) =>
  Layer.merge(
    Logger.layer([
      Logger.make(({ fiber, logLevel, message }) => {
        events.push({ level: logLevel, message, fields: fiber.getRef(References.CurrentLogAnnotations) })
      })
    ]),
    Layer.succeed(References.MinimumLogLevel, "Trace")
  )

const receiptEvents = (events: ReadonlyArray<Event>) =>
  events.filter(({ message }) => JSON.stringify(message) === JSON.stringify(["fibric.receipt"]))

describe("each receipt as a structured log event", () => {
  it.effect("carries the receipt's fields under stable names", () => {
    const events: Array<Event> = []
    const { layer } = makeWorld()
    return Effect.gen(function* () {
      const { receipt } = yield* execute(notify("4471")).pipe(Operator.as("shipping"))
      const [event] = receiptEvents(events)
      assert.strictEqual(event?.level, "Info")
      assert.deepStrictEqual(event?.fields, {
        "fibric.receipt.id": receipt.id,
        "fibric.receipt.outcome": "performed",
        "fibric.receipt.count": 1,
        "fibric.key": "notify:order-4471:shipped",
        "fibric.entity": "order-4471",
        "fibric.capability": "notify",
        "fibric.operator": "shipping",
        "fibric.attempt": 1,
        "fibric.receipt.refers_to": null,
        "fibric.duration_millis": 0,
        "fibric.reason": null,
        "fibric.safe_to_retry": false,
        "fibric.check_after": null
      })
    }).pipe(Effect.provide(Layer.provideMerge(over(layer, Fibric.layerMemory), collecting(events))))
  })

  it.effect("is a warning where somebody should look, and a debug event for a repeat", () => {
    const events: Array<Event> = []
    const { layer, world } = makeWorld()
    return Effect.gen(function* () {
      yield* execute(notify("1"))
      yield* execute(notify("1"))
      world.answer = () => Effect.die("boom")
      yield* Effect.flip(execute(notify("2")))
      yield* Effect.flip(execute(notify("1", "shipped", { to: "eve@example.com" })))
      assert.deepStrictEqual(
        receiptEvents(events).map(({ level, fields }) => [level, fields["fibric.receipt.outcome"]]),
        [
          ["Info", "performed"],
          ["Debug", "deduplicated"],
          ["Warn", "in_doubt"],
          ["Warn", "conflict"]
        ]
      )
    }).pipe(Effect.provide(Layer.provideMerge(over(layer, Fibric.layerMemory), collecting(events))))
  })

  it.effect("is there for what a worker writes that nobody asked for", () => {
    const events: Array<Event> = []
    const { layer } = makeWorld()
    const trouble = makeTrouble()
    return Effect.gen(function* () {
      // Landed and never confirmed: it is given up.
      trouble.replyLost.set("claim", 6)
      const asking = yield* Effect.forkChild(Effect.flip(execute(notify("2"))), { startImmediately: true })
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(asking)
      // Performing, and nobody's any more: the reaper finds it.
      yield* claimed(notify("1").key, { doubtAfterMillis: -1 })
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(
        receiptEvents(events).map(({ fields }) => [fields["fibric.key"], fields["fibric.receipt.outcome"]]),
        [
          ["notify:order-2:shipped", "released"],
          ["notify:order-1:shipped", "in_doubt"]
        ]
      )
    }).pipe(Effect.provide(Layer.provideMerge(over(layer, layerRuntime(trouble)), collecting(events))))
  })

  it.effect("never carries the payload or the output", () => {
    const events: Array<Event> = []
    const { layer } = makeWorld()
    return Effect.gen(function* () {
      yield* execute(notify("1", "shipped", { to: "canary@example.com", text: "canary text" }))
      assert.strictEqual(receiptEvents(events).length, 1)
      assert.notInclude(JSON.stringify(events), "canary")
      assert.notInclude(JSON.stringify(events), "messageId")
    }).pipe(Effect.provide(Layer.provideMerge(over(layer, Fibric.layerMemory), collecting(events))))
  })
})
