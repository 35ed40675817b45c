/**
 * The recorder: many repeats in one statement, each counted once, and nobody told before it is written.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { Ledger } from "../../src/kernel/Ledger.ts"
import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import * as Recorder from "../../src/kernel/Recorder.ts"
import * as Seeded from "../../src/testing/simulation/Seeded.ts"
import { keyOf } from "../contracts/keys.ts"
import { layerTroubled, makeTrouble } from "../support/ledgers.ts"
import { fault } from "../support/fault.ts"

const repeat = (id: string, operator = "agent"): Recorder.Unrecorded => ({
  key: keyOf(id),
  outcome: "deduplicated",
  operator,
  count: 1,
  ...Recorder.standsOnNothing,
  reason: null
})

/** A scheduler under which a fiber gives way before about every third operation. */
const givingWay = (): Scheduler.Scheduler => {
  const { chance } = Seeded.make(1)
  return Object.assign(new Scheduler.MixedScheduler(), { shouldYield: () => chance(0.3) })
}

describe("the recorder", () => {
  it.effect("writes what gathers while it writes as one batch, alike repeats as one row", () => {
    const trouble = makeTrouble()
    return Effect.gen(function* () {
      const log = yield* ReceiptLog
      const recorder = yield* Recorder.make(yield* Effect.scope)
      const goOn = yield* Deferred.make<void>()
      trouble.before.set("record", Deferred.await(goOn))
      const first = yield* Effect.forkChild(recorder.record([repeat("1")]), { startImmediately: true })
      const others = yield* Effect.forkChild(
        Effect.all(
          [
            ...Array.from({ length: 100 }, () => recorder.record([repeat("1")])),
            recorder.record([repeat("1", "dana"), repeat("2")])
          ],
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      yield* Effect.yieldNow
      assert.deepStrictEqual([first.pollUnsafe(), others.pollUnsafe()], [undefined, undefined])
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(others)
      assert.deepStrictEqual(trouble.arrived, ["record", "record"])
      const { receipts } = yield* log.query({}, { order: "oldest" })
      assert.deepStrictEqual(
        receipts.map(({ count, key, operator }) => [key, operator, count]),
        [
          [keyOf("1").label, "agent", 1],
          [keyOf("1").label, "agent", 100],
          [keyOf("1").label, "dana", 1],
          [keyOf("2").label, "agent", 1]
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(layerTroubled(trouble)))
  })

  it.effect("takes for alike only what stands on the same receipt", () => {
    const trouble = makeTrouble()
    return Effect.gen(function* () {
      const log = yield* ReceiptLog
      const recorder = yield* Recorder.make(yield* Effect.scope)
      const [one = "", other = ""] = yield* Identifiers.manyOrdered(2)
      const standing = (refersTo: string, attempt: number) => ({ ...repeat("1"), refersTo, attempt })
      yield* recorder.record([standing(one, 1), standing(other, 2), standing(one, 1)])
      const { receipts } = yield* log.query({}, { order: "oldest" })
      assert.deepStrictEqual(
        receipts.map(({ attempt, count, refersTo }) => [refersTo, attempt, count]),
        [
          [one, 1, 2],
          [other, 2, 1]
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(layerTroubled(trouble)))
  })

  it.effect("writes down who has asked and is gone before the batch has left", () => {
    const trouble = makeTrouble()
    return Effect.gen(function* () {
      const log = yield* ReceiptLog
      const recorder = yield* Recorder.make(yield* Effect.scope)
      const goOn = yield* Deferred.make<void>()
      trouble.before.set("record", Deferred.await(goOn))
      const start = Effect.forkChild(recorder.record([repeat("1")]), { startImmediately: true })
      const first = yield* start
      yield* Fiber.interrupt(yield* start)
      const last = yield* start
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.joinAll([first, last])
      assert.deepStrictEqual(yield* log.totals(), { deduplicated: 3 })
    }).pipe(Effect.scoped, Effect.provide(layerTroubled(trouble)))
  })

  // Found by the simulation: a repeat that came between the writer's last look and its end waited for ever.
  it.live("writes a repeat that comes at whatever step of the writer's end", () => {
    const pass = (turns: number) =>
      Effect.gen(function* () {
        for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
      })
    return Effect.gen(function* () {
      const recorder = yield* Recorder.make(yield* Effect.scope)
      const start = Effect.forkChild(recorder.record([repeat("1")]), { startImmediately: true })
      const left: Array<number> = []
      for (let round = 0; round < 1_000; round++) {
        const first = yield* start
        yield* pass(round % 20)
        const second = yield* start
        yield* pass(200)
        if (first.pollUnsafe() === undefined || second.pollUnsafe() === undefined) left.push(round)
      }
      assert.deepStrictEqual(left, [])
    }).pipe(
      Effect.scoped,
      Effect.provide(LedgerMemory.layer),
      Effect.provideService(Scheduler.Scheduler, givingWay())
    )
  })

  it.effect(
    `${fault("reply lost")} runs a batch whose answer was lost again as it was: it counts once`,
    () => {
      const trouble = makeTrouble()
      trouble.replyLost.set("record", 3)
      return Effect.gen(function* () {
        const log = yield* ReceiptLog
        const recorder = yield* Recorder.make(yield* Effect.scope)
        const recording = yield* Effect.forkChild(recorder.record([repeat("1")]), { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        yield* Fiber.join(recording)
        assert.lengthOf(trouble.arrived, 4)
        assert.deepStrictEqual(yield* log.totals(), { deduplicated: 1 })
      }).pipe(Effect.scoped, Effect.provide(layerTroubled(trouble)))
    }
  )

  it.effect("tells those of a batch that could not be written, and writes the next", () => {
    const trouble = makeTrouble()
    trouble.unreachable.set("record", 7)
    return Effect.gen(function* () {
      const log = yield* ReceiptLog
      const recorder = yield* Recorder.make(yield* Effect.scope)
      const failing = yield* Effect.forkChild(Effect.flip(recorder.record([repeat("1")])), {
        startImmediately: true
      })
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* Fiber.join(failing), { _tag: "LedgerUnavailable", operation: "record" })
      yield* recorder.record([repeat("2")])
      assert.deepStrictEqual(yield* log.totals(), { deduplicated: 1 })
    }).pipe(Effect.scoped, Effect.provide(layerTroubled(trouble)))
  })

  it.effect("says so where a batch came after its time, and nothing is written then", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const log = yield* ReceiptLog
      const late = Ledger.of({
        ...ledger,
        record: (batch) => Effect.andThen(TestClock.adjust("31 seconds"), ledger.record(batch))
      })
      const recorder = yield* Effect.provideService(Recorder.make(yield* Effect.scope), Ledger, late)
      const error = yield* Effect.flip(recorder.record([repeat("1")]))
      assert.include(error.reason, "took longer than 30000 ms")
      assert.deepStrictEqual(yield* log.totals(), {})
    }).pipe(Effect.scoped, Effect.provide(LedgerMemory.layer))
  )
})
