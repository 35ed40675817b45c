/**
 * A key that is taken for new without a look, and is not: nothing that it would meet in its lane comes
 * before the answer that it has already.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { type Connector, execute, type Executor, Fibric } from "fibric"
import { Door, type Hall, lock, makeHall, Ring, unlock } from "../support/doors.ts"
import { over } from "../support/orders.ts"

type Doors = "unlock" | "lock" | "ring"
type Services = Executor | { [Name in Doors]: Connector.Handler<Name> }[Doors]

const story = (sentence: string, body: (hall: Hall) => Effect.Effect<void, unknown, Services>) =>
  it.effect(sentence, () => {
    const { hall, layer } = makeHall()
    return Effect.provide(body(hall), over(layer, Fibric.layerMemory))
  })

const ring = (id: string, visit: string) => Ring.propose(Door.at(id), { visit })

/** Long enough for it to be forgotten here, and the key that was looked for last is a new one. */
const forgotten = Effect.andThen(TestClock.adjust("61 seconds"), execute(unlock("8", "evening")))

describe("a repeat that is taken for new", () => {
  story("is answered with its receipt though its guard would not want it any more", (hall) =>
    Effect.gen(function* () {
      const { receipt } = yield* execute(unlock("7", "morning"))
      yield* forgotten
      const { asked } = hall
      assert.strictEqual((yield* execute(unlock("7", "morning"))).receipt.id, receipt.id)
      assert.strictEqual(hall.asked, asked)
    })
  )

  story("is answered with its receipt though its lane is busy and it would not wait", (hall) =>
    Effect.gen(function* () {
      const { receipt } = yield* execute(ring("7", "morning"))
      yield* forgotten
      hall.gate = yield* Deferred.make<void>()
      const locking = yield* Effect.forkChild(execute(lock("7", "night")), { startImmediately: true })
      yield* hall.called(3)
      assert.strictEqual((yield* execute(ring("7", "morning"))).receipt.id, receipt.id)
      yield* Deferred.succeed(hall.gate, undefined)
      yield* Fiber.join(locking)
    })
  )
})
