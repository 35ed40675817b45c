/**
 * Repeats of what is done: answered from memory, each with a durable receipt of its own; and what is never
 * answered from memory.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import { execute, ReceiptLog } from "fibric"
import * as Seeded from "../../src/testing/simulation/Seeded.ts"
import { layerRuntime, makeTrouble, type Trouble } from "../support/ledgers.ts"
import { EmailRefused, makeWorld, notify, over, succeed } from "../support/orders.ts"
import { troubledStory } from "../support/troubled-story.ts"

const story = troubledStory({ maxUnderWay: 3 })

/** A scheduler under which a fiber gives way before about every third operation. */
const givingWay = (): Scheduler.Scheduler => {
  const { chance } = Seeded.make(1)
  return Object.assign(new Scheduler.MixedScheduler(), { shouldYield: () => chance(0.3) })
}

const count = ({ arrived }: Trouble, operation: string) => arrived.filter((name) => name === operation).length

describe("a repeat of what was done lately", () => {
  story("is answered without a look at the ledger, once its receipt is durable", (world, trouble) =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      const { receipt } = yield* execute(notify("1"))
      const finds = count(trouble, "find")
      for (let repeat = 0; repeat < 10; repeat++) {
        assert.strictEqual((yield* execute(notify("1"))).receipt.id, receipt.id)
      }
      assert.strictEqual(count(trouble, "find"), finds)
      assert.strictEqual(world.calls.length, 1)
      assert.deepStrictEqual(yield* log.totals(), { performed: 1, deduplicated: 10 })
    })
  )

  story("is not answered where its receipt can't be written", (_world, trouble) =>
    Effect.gen(function* () {
      yield* execute(notify("1"))
      trouble.unreachable.set("record", 1_000)
      const repeat = yield* Effect.forkChild(Effect.flip(execute(notify("1"))), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      const exit = repeat.pollUnsafe()
      assert.deepInclude(exit !== undefined && Exit.isSuccess(exit) ? exit.value : undefined, {
        _tag: "LedgerUnavailable"
      })
    })
  )

  story("is a conflict all the same where it is bound to another payload", (world) =>
    Effect.gen(function* () {
      yield* execute(notify("1"))
      const conflict = yield* Effect.flip(execute(notify("1", "shipped", { to: "dana@example.com" })))
      assert.deepInclude(conflict, { _tag: "KeyConflict", paths: ["/to"] })
      assert.strictEqual(world.calls.length, 1)
    })
  )

  story("is looked for again after a minute", (_world, trouble) =>
    Effect.gen(function* () {
      yield* execute(notify("1"))
      yield* TestClock.adjust("61 seconds")
      const finds = count(trouble, "find")
      yield* execute(notify("1"))
      assert.strictEqual(count(trouble, "find"), finds + 1)
    })
  )
})

describe("a repeat in other words", () => {
  const reworded = notify("1", "shipped", { text: "Your parcel has left us." })

  story("is answered with the receipt, and written down as content drift", (world) =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      const { receipt } = yield* execute(notify("1"))
      const drift = "content drift at /text"
      // At once, and once it has been forgotten here.
      for (const action of [reworded, notify("1"), reworded]) {
        assert.strictEqual((yield* execute(action)).receipt.id, receipt.id)
      }
      yield* TestClock.adjust("61 seconds")
      for (const action of [reworded, reworded, notify("1"), reworded]) yield* execute(action)
      assert.strictEqual(world.calls.length, 1)
      const repeats = (yield* log.byKey(notify("1").key)).slice(1)
      assert.deepStrictEqual(
        repeats.map(({ outcome, reason, refersTo }) => [outcome, reason, refersTo]),
        [drift, null, drift, drift, drift, null, drift].map((reason) => ["deduplicated", reason, receipt.id])
      )
    })
  )

  story("is a conflict over what is bound, and over nothing else", () =>
    Effect.gen(function* () {
      yield* execute(notify("1"))
      const other = notify("1", "shipped", { to: "dana@example.com", text: "Your parcel has left us." })
      assert.deepInclude(yield* Effect.flip(execute(other)), { _tag: "KeyConflict", paths: ["/to"] })
    })
  )
})

describe("a repeat of what was refused", () => {
  story("is looked for each time: a refusal can be reopened", (world, trouble) =>
    Effect.gen(function* () {
      world.answer = () => Effect.fail(new EmailRefused({ reason: "no such mailbox" }))
      yield* Effect.flip(execute(notify("1")))
      const finds = count(trouble, "find")
      yield* Effect.flip(execute(notify("1")))
      yield* Effect.flip(execute(notify("1")))
      assert.strictEqual(count(trouble, "find"), finds + 2)
    })
  )
})

describe("a key that is taken for new", () => {
  story("is claimed without a look where the one before was new", (world, trouble) =>
    Effect.gen(function* () {
      for (const id of ["1", "2", "3", "4"]) yield* execute(notify(id))
      assert.strictEqual(count(trouble, "find"), 1)
      assert.strictEqual(count(trouble, "claim"), 4)
      assert.strictEqual(world.calls.length, 4)
    })
  )

  story("and is not, is answered with what has become of it, and performed once", (world, trouble) =>
    Effect.gen(function* () {
      yield* execute(notify("1"))
      // Long enough for it to be forgotten here.
      yield* TestClock.adjust("61 seconds")
      yield* execute(notify("2"))
      const { receipt } = yield* execute(notify("1"))
      assert.strictEqual(receipt.outcome, "performed")
      assert.strictEqual(world.calls.length, 2)
      assert.strictEqual(count(trouble, "claim"), 3)
      const log = yield* ReceiptLog
      assert.deepStrictEqual(yield* log.totals(), { performed: 2, deduplicated: 1 })
    })
  )
})

describe("a process that has enough to do", () => {
  story("turns new keys away with a receipt each, and still lets others join", (world) =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      const goOn = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(goOn), succeed(reached))
      const ask = (id: string) =>
        Effect.forkChild(Effect.exit(execute(notify(id))), { startImmediately: true })
      const first = yield* Effect.forEach(["1", "2", "3"], ask)
      const joined = yield* ask("3")
      yield* world.started(3)
      const full = yield* Effect.flip(execute(notify("4")))
      assert.deepInclude(full, { _tag: "Saturated", entity: null, capacity: 3 })
      assert.include(String(full), "already under way in this process")
      yield* Deferred.succeed(goOn, undefined)
      for (const fiber of [...first, joined]) assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
      yield* execute(notify("4"))
      assert.deepStrictEqual(yield* log.totals(), { performed: 4, joined: 1, saturated: 1 })
    })
  )

  it.live("has room again when callers have left, at whatever step of their asking", () => {
    const { layer } = makeWorld()
    return Effect.gen(function* () {
      yield* execute(notify("1"))
      for (let round = 0; round < 500; round++) {
        const leaving = yield* Effect.forkChild(execute(notify("1")), { startImmediately: true })
        for (let turn = 0; turn < round % 30; turn++) yield* Effect.yieldNow
        yield* Fiber.interrupt(leaving)
      }
      // Those that were handed in are still written down.
      for (let turn = 0; turn < 1_000; turn++) yield* Effect.yieldNow
      assert.strictEqual((yield* execute(notify("2"))).receipt.outcome, "performed")
    }).pipe(
      Effect.provide(over(layer, layerRuntime(makeTrouble(), { maxUnderWay: 3 }))),
      Effect.provideService(Scheduler.Scheduler, givingWay())
    )
  })
})
