import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Metric, References } from "effect"
import { TestClock } from "effect/testing"
import { execute, Fibric, Operator, Verdicts } from "fibric"
import { makeWorld, notify, over, succeed } from "../support/orders.ts"

/** The keys that the log complained of as old doubts, in order. */
const listen = (complaints: Array<unknown>) =>
  Logger.layer([
    Logger.make(({ fiber, message }) => {
      if (!String(message).includes("fibric.doubt.old")) return
      complaints.push(fiber.getRef(References.CurrentLogAnnotations)["fibric.key"])
    })
  ])

/** A metric's value as it stands. */
const valueOf = (name: string) =>
  Effect.map(Metric.snapshot, (metrics) => {
    const found = metrics.find(({ id }) => id === name)
    assert.isOk(found, `there is no metric ${name}`)
    return (found.state as { readonly value: number }).value
  })

describe("a doubt that gets old", () => {
  it.effect("is complained of once, and counted while it lasts", () => {
    const { layer, world } = makeWorld()
    const complaints: Array<unknown> = []
    return Effect.gen(function* () {
      world.answer = () => Effect.die("the line broke")
      yield* Effect.flip(execute(notify("1")))
      yield* TestClock.adjust("14 minutes")
      assert.deepStrictEqual(complaints, [])
      assert.strictEqual(yield* valueOf("fibric_in_doubt"), 1)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(complaints, ["notify:order-1:shipped"])
      assert.isAtLeast(yield* valueOf("fibric_oldest_doubt_seconds"), 15 * 60)
      yield* TestClock.adjust("30 minutes")
      assert.deepStrictEqual(complaints, ["notify:order-1:shipped"])
      const verdicts = yield* Verdicts
      world.answer = succeed
      yield* verdicts.release(notify("1").key, { attempt: 1, reason: "looked" }).pipe(Operator.as("dana"))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* valueOf("fibric_in_doubt"), 0)
      assert.strictEqual(yield* valueOf("fibric_oldest_doubt_seconds"), 0)
    }).pipe(Effect.provide(over(layer, Fibric.layerMemory).pipe(Layer.provide(listen(complaints)))))
  })
})
