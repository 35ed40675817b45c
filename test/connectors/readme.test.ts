import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { execute, Fibric } from "fibric"
import { type Answer, Invoice, layer, Pay } from "../../examples/connector.ts"

const runtime = (charge: (cents: number, key: string) => Effect.Effect<Answer>) =>
  layer(charge).pipe(Layer.provideMerge(Fibric.layerMemory))

it.effect("charges once, however often it is asked", () => {
  let charged = 0
  const charge = () => Effect.sync(() => ({ paid: `p-${++charged}` }))
  return Effect.gen(function* () {
    const action = Pay.propose(Invoice.at("7"), { cents: 1200 })
    yield* Effect.replicateEffect(execute(action), 3, { concurrency: "unbounded" })
    assert.strictEqual(charged, 1)
  }).pipe(Effect.provide(runtime(charge)))
})

it.effect("is in doubt where the provider says nothing", () =>
  Effect.gen(function* () {
    const asking = yield* Effect.forkChild(
      Effect.flip(execute(Pay.propose(Invoice.at("7"), { cents: 1200 })))
    )
    yield* TestClock.adjust("15 seconds")
    assert.strictEqual((yield* Fiber.join(asking))._tag, "InDoubt")
  }).pipe(Effect.provide(runtime(() => Effect.never)))
)
