import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { execute, Fibric, Operator, ReceiptLog, Verdicts } from "fibric"
import type { Connector } from "fibric"
import type * as Runtime from "../../src/kernel/Runtime.ts"
import { makeWorld, notify, over, succeed, type World } from "../support/orders.ts"
import { fault } from "../support/fault.ts"

type Needs = Runtime.Services | Connector.Handler<"notify">

/** A test that begins with `notify:order-1:shipped` in doubt on its first attempt. */
const inDoubt = (sentence: string, body: (world: World) => Effect.Effect<void, unknown, Needs>) =>
  it.effect(sentence, () => {
    const { world, layer } = makeWorld()
    world.answer = () => Effect.die("the line broke")
    return Effect.andThen(Effect.flip(execute(notify("1"))), body(world)).pipe(
      Effect.provide(over(layer, Fibric.layerMemory))
    )
  })

const happened = (attempt: number, output?: { readonly messageId: string }) =>
  Effect.flatMap(Verdicts, (verdicts) =>
    verdicts.itHappened(notify("1"), {
      attempt,
      reason: "the customer confirmed it",
      ...(output === undefined ? {} : { output })
    })
  ).pipe(Operator.as("dana"))

describe("a verdict", () => {
  inDoubt("is given by name and with a reason, or not recorded", () =>
    Effect.gen(function* () {
      const verdicts = yield* Verdicts
      const { key } = notify("1")
      const force = true
      const nameless = yield* Effect.flip(verdicts.release(key, { attempt: 1, reason: "I looked", force }))
      assert.deepInclude(nameless, { _tag: "VerdictUnsigned", missing: "name" })
      const reasonless = verdicts.abandon(key, { attempt: 1, reason: " ", force }).pipe(Operator.as("dana"))
      assert.deepInclude(yield* Effect.flip(reasonless), { _tag: "VerdictUnsigned", missing: "reason" })
      const log = yield* ReceiptLog
      assert.deepStrictEqual(yield* log.totals(), { in_doubt: 1 })
    })
  )
})

describe("a person who says that it happened", () => {
  inDoubt("settles the key; every repeat gets that receipt, and nothing is sent", (world) =>
    Effect.gen(function* () {
      const { receipt } = yield* happened(1)
      const repeat = yield* execute(notify("1"))
      assert.strictEqual(repeat.receipt.id, receipt.id)
      assert.strictEqual(receipt.outcome, "resolved")
      assert.strictEqual(receipt.operator, "dana")
      assert.strictEqual(receipt.reason, "the customer confirmed it")
      assert.strictEqual(world.calls.length, 1)
    })
  )

  inDoubt("and gives the output: repeats get it, typed", () =>
    Effect.gen(function* () {
      yield* happened(1, { messageId: "from the provider's list" })
      const { output } = yield* execute(notify("1"))
      assert.deepStrictEqual(output, Option.some({ messageId: "from the provider's list" }))
    })
  )

  inDoubt("and gives none: repeats get a receipt without an output", () =>
    Effect.gen(function* () {
      yield* happened(1)
      const { output } = yield* execute(notify("1"))
      assert.deepStrictEqual(output, Option.none())
    })
  )

  inDoubt("frees the lane for the entity's other actions", (world) =>
    Effect.gen(function* () {
      yield* happened(1)
      world.answer = succeed
      yield* execute(notify("1", "delivered"))
      assert.strictEqual(world.calls.length, 2)
    })
  )

  inDoubt("about another attempt is refused, and told what was found", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(happened(2))
      assert.deepInclude({ ...error }, { _tag: "VerdictRefused", attempt: 2, found: "in_doubt, attempt 1" })
    })
  )

  inDoubt("a second time is refused: what is settled stays settled", () =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      yield* happened(1)
      const error = yield* Effect.flip(happened(1))
      assert.deepInclude({ ...error }, { _tag: "VerdictRefused", found: "done, attempt 1" })
      assert.deepStrictEqual(yield* log.totals(notify("1").key), { in_doubt: 1, resolved: 1 })
    })
  )

  inDoubt("about an action with another payload is refused", () =>
    Effect.gen(function* () {
      const verdicts = yield* Verdicts
      const other = notify("1", "shipped", { to: "eve@example.com" })
      const error = yield* Effect.flip(verdicts.itHappened(other, { attempt: 1, reason: "seen" }))
      assert.deepInclude({ ...error }, { _tag: "VerdictRefused", found: "an action with another payload" })
    })
  )

  inDoubt("with an output that does not fit is refused before anything is written", () =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      // A caller without types can pass anything.
      const error = yield* Effect.flip(happened(1, { messageId: 7 } as never))
      assert.deepInclude({ ...error }, { _tag: "InvalidPayload", problem: "does_not_fit" })
      assert.deepStrictEqual(yield* log.totals(notify("1").key), { in_doubt: 1 })
    })
  )

  it.effect("about a key that nobody knows is refused", () => {
    const { layer } = makeWorld()
    return Effect.gen(function* () {
      const error = yield* Effect.flip(happened(1))
      assert.deepInclude({ ...error }, { _tag: "VerdictRefused", found: "no such key" })
    }).pipe(Effect.provide(over(layer, Fibric.layerMemory)))
  })

  it.effect(`${fault("verdict beside a zombie")} before the late answer comes keeps the last word`, () => {
    const { world, layer } = makeWorld()
    return Effect.gen(function* () {
      world.answer = (reached) => Effect.delay(succeed(reached), "30 seconds")
      const asking = yield* Effect.forkChild(Effect.flip(execute(notify("1"))), { startImmediately: true })
      yield* world.started(1)
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(asking)
      const { receipt } = yield* happened(1)
      yield* TestClock.adjust("10 seconds")
      const repeat = yield* execute(notify("1"))
      assert.strictEqual(repeat.receipt.id, receipt.id)
    }).pipe(Effect.provide(over(layer, Fibric.layerMemory)))
  })
})
