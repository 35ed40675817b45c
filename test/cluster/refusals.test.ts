/**
 * A refusal on its way back from the runner that hosts its entity: it travels as its receipt, which somebody
 * may have reopened by then.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import {
  MessageStorage,
  RunnerHealth,
  Runners,
  RunnerStorage,
  Sharding,
  ShardingConfig
} from "effect/cluster"
import { execute, Executor, Fibric, Verdicts, Operator } from "fibric"
import * as ClusterExecutor from "../../src/cluster/ClusterExecutor.ts"
import { EmailRefused, makeWorld, notify } from "../support/orders.ts"

const sharding = Sharding.layer.pipe(
  Layer.provide([Runners.layerNoop, RunnerHealth.layerNoop]),
  Layer.provide([MessageStorage.layerNoop, RunnerStorage.layerMemory]),
  Layer.provide(ShardingConfig.layer())
)

/** Somebody reopens each refusal before its receipt is read. */
const reopening = Layer.effect(
  Executor,
  Effect.gen(function* () {
    const executor = yield* Executor
    const verdicts = yield* Verdicts
    return Executor.of({
      ...executor,
      receiptOf: (key) =>
        Effect.andThen(
          Effect.ignore(
            verdicts.reopen(key, { attempt: 1, reason: "the address was mended" }).pipe(Operator.as("dana"))
          ),
          executor.receiptOf(key)
        )
    })
  })
)

describe("a refusal that is reopened while it is on its way to who asked", () => {
  it.live("is never taken for a success", () => {
    const { layer, world } = makeWorld()
    world.answer = () => Effect.fail(new EmailRefused({ reason: "no such mailbox" }))
    const places = layer.pipe(
      Layer.provideMerge(ClusterExecutor.layer()),
      Layer.provide(sharding),
      Layer.provideMerge(Layer.provideMerge(reopening, Fibric.layerMemory))
    )
    return Effect.gen(function* () {
      const error = yield* Effect.flip(execute(notify("1")))
      assert.deepInclude(error, { _tag: "LedgerUnavailable", operation: "read the refusal" })
      assert.strictEqual(world.calls.length, 1)
    }).pipe(Effect.provide([places, Logger.layer([])]))
  })
})
