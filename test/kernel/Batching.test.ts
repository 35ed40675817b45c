/**
 * Batching: who comes alone waits for nobody, who comes meanwhile goes together, and nobody is forgotten.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scheduler, Scope } from "effect"
import { LedgerUnavailable } from "../../src/domain/errors.ts"
import * as Batching from "../../src/kernel/Batching.ts"
import * as Seeded from "../../src/testing/simulation/Seeded.ts"

/** Batches of numbers, doubled when a test lets them. */
const doubling = Effect.fnUntraced(function* (scope: Scope.Scope, maxRows = 100) {
  const batches: Array<ReadonlyArray<number>> = []
  const gates: Array<Deferred.Deferred<void, LedgerUnavailable>> = []
  const { ask: double } = yield* Batching.make({
    operation: "double",
    scope,
    maxRows,
    run: (batch: ReadonlyArray<number>) =>
      Effect.gen(function* () {
        batches.push(batch)
        const gate = yield* Deferred.make<void, LedgerUnavailable>()
        gates.push(gate)
        yield* Deferred.await(gate)
        return batch.map((number) => number * 2)
      })
  })
  /** Ends the batch that is under way. */
  const end = (exit: Exit.Exit<void, LedgerUnavailable> = Exit.void) =>
    Effect.andThen(Deferred.done(gates[gates.length - 1] ?? assert.fail("nothing is under way"), exit), pass)
  return { batches, double, end }
})

const pass = Effect.gen(function* () {
  for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
})

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

/** A scheduler under which a fiber gives way before about every third operation. */
const givingWay = (): Scheduler.Scheduler => {
  const { chance } = Seeded.make(1)
  return Object.assign(new Scheduler.MixedScheduler(), { shouldYield: () => chance(0.3) })
}

describe("batching", () => {
  it.effect("sends whoever comes alone at once, and together who comes while that is under way", () =>
    Effect.gen(function* () {
      const { batches, double, end } = yield* doubling(yield* Effect.scope)
      const first = yield* start(double(1))
      assert.deepStrictEqual(batches, [[1]])
      const others = yield* start(Effect.all([double(2), double(3), double(4)], { concurrency: "unbounded" }))
      yield* pass
      assert.deepStrictEqual(batches, [[1]])
      yield* end()
      assert.strictEqual(yield* Fiber.join(first), 2)
      assert.deepStrictEqual(batches, [[1], [2, 3, 4]])
      assert.isUndefined(others.pollUnsafe())
      yield* end()
      assert.deepStrictEqual(yield* Fiber.join(others), [4, 6, 8])
    }).pipe(Effect.scoped)
  )

  it.effect("sends no more at once than its bound, in the order in which they came", () =>
    Effect.gen(function* () {
      const { batches, double, end } = yield* doubling(yield* Effect.scope, 2)
      const all = yield* start(Effect.forEach([1, 2, 3, 4, 5, 6], double, { concurrency: "unbounded" }))
      for (let batch = 0; batch < 4; batch++) yield* end()
      assert.deepStrictEqual(yield* Fiber.join(all), [2, 4, 6, 8, 10, 12])
      assert.deepStrictEqual(batches, [[1], [2, 3], [4, 5], [6]])
    }).pipe(Effect.scoped)
  )

  it.effect("does not send who is gone before the batch has left, and ends what has left", () =>
    Effect.gen(function* () {
      const { batches, double, end } = yield* doubling(yield* Effect.scope)
      const first = yield* start(double(1))
      const second = yield* start(double(2))
      const third = yield* start(double(3))
      yield* Fiber.interrupt(second)
      yield* Fiber.interrupt(first)
      yield* end()
      yield* end()
      assert.strictEqual(yield* Fiber.join(third), 6)
      assert.deepStrictEqual(batches, [[1], [3]])
    }).pipe(Effect.scoped)
  )

  it.effect("tells all of a batch that failed, and sends the next", () =>
    Effect.gen(function* () {
      const { double, end } = yield* doubling(yield* Effect.scope)
      const first = yield* start(Effect.flip(double(1)))
      const second = yield* start(double(2))
      const lost = new LedgerUnavailable({ operation: "double", reason: "connection reset" })
      yield* end(Exit.fail(lost))
      assert.strictEqual(yield* Fiber.join(first), lost)
      yield* end()
      assert.strictEqual(yield* Fiber.join(second), 4)
    }).pipe(Effect.scoped)
  )

  it.effect("leaves nobody waiting when its scope closes, nor who comes after", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { batches, double } = yield* doubling(scope)
      const underWay = yield* start(Effect.flip(double(1)))
      const waiting = yield* start(Effect.flip(double(2)))
      yield* Scope.close(scope, Exit.void)
      assert.include((yield* Fiber.join(underWay)).reason, "closing")
      assert.include((yield* Fiber.join(waiting)).reason, "closing")
      assert.include((yield* Effect.flip(double(3))).reason, "closing")
      assert.deepStrictEqual(batches, [[1]])
    })
  )

  it.live("sends what comes at whatever step of a batch's end", () => {
    const turns = (times: number) =>
      Effect.gen(function* () {
        for (let turn = 0; turn < times; turn++) yield* Effect.yieldNow
      })
    return Effect.gen(function* () {
      const { ask: double } = yield* Batching.make({
        operation: "double",
        scope: yield* Effect.scope,
        maxRows: 10,
        run: (batch: ReadonlyArray<number>) => Effect.succeed(batch.map((number) => number * 2))
      })
      const left: Array<number> = []
      for (let round = 0; round < 1_000; round++) {
        const first = yield* start(double(1))
        yield* turns(round % 20)
        const second = yield* start(double(2))
        yield* turns(100)
        if (first.pollUnsafe() === undefined || second.pollUnsafe() === undefined) left.push(round)
      }
      assert.deepStrictEqual(left, [])
    }).pipe(Effect.scoped, Effect.provideService(Scheduler.Scheduler, givingWay()))
  })
})
