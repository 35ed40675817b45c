/**
 * The claim that goes along with a settlement: how often in a row, and what becomes of it where the
 * settlement's answer is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { execute, LedgerUnavailable, ReceiptLog } from "fibric"
import { Ledger } from "../../src/kernel/Ledger.ts"
import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import * as Runtime from "../../src/kernel/Runtime.ts"
import * as Settings from "../../src/kernel/Settings.ts"
import { layerRuntime, makeTrouble } from "../support/ledgers.ts"
import { makeWorld, notify, over, succeed, type World } from "../support/orders.ts"
import * as Identifiers from "../../src/domain/Identifiers.ts"

const count = (arrived: ReadonlyArray<string>, operation: string) =>
  arrived.filter((name) => name === operation).length

const start = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

describe("an entity that many actions wait for", () => {
  it.effect("is kept by settlements that claim the next one along, and so often in a row and no more", () => {
    const { layer, world } = makeWorld()
    const trouble = makeTrouble()
    return Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(goOn), succeed(reached))
      const asked = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7], (n) =>
        start(execute(notify("1", `status ${n}`)))
      )
      yield* world.started(1)
      yield* Deferred.succeed(goOn, undefined)
      for (const fiber of asked) assert.isTrue(Exit.isSuccess(yield* Fiber.join(fiber)))
      // The first, the fourth and the seventh: two go along after each.
      assert.strictEqual(count(trouble.arrived, "claim"), 3)
    }).pipe(Effect.provide(over(layer, layerRuntime(trouble, { keepLane: 2 }))))
  })
})

describe("what has waited longer than it is valid", () => {
  it.effect("does not go along any more: it is expired, and not performed", () => {
    const { layer, world } = makeWorld()
    return Effect.gen(function* () {
      world.answer = (reached) => Effect.andThen(Effect.sleep("18 seconds"), succeed(reached))
      const asked = yield* Effect.forEach([1, 2, 3, 4, 5], (n) => start(execute(notify("1", `status ${n}`))))
      yield* TestClock.adjust("2 minutes")
      const ends = yield* Effect.forEach(asked, Fiber.join)
      assert.deepStrictEqual(
        ends.map(({ _tag }) => _tag),
        ["Success", "Success", "Success", "Success", "Failure"]
      )
      assert.include(String(ends[4]), "Expired")
      assert.strictEqual(world.calls.length, 4)
    }).pipe(Effect.provide(over(layer, layerRuntime(makeTrouble()))))
  })
})

const connectionReset = new LedgerUnavailable({ operation: "settle", reason: "connection reset" })

type Settling = Ledger["Service"]["settleAndClaim"]
type Then = (
  answer: Effect.Success<ReturnType<Settling>>,
  next: Parameters<Settling>[1],
  ledger: Ledger["Service"]
) => Effect.Effect<void, LedgerUnavailable>

/** A runtime whose settlements that claim along land at once; then comes what is given. */
const runtimeWhere = (then: Then) =>
  Runtime.layer.pipe(
    Layer.provideMerge(
      Layer.effect(
        Ledger,
        Effect.map(Ledger, (ledger) =>
          Ledger.of({
            ...ledger,
            settleAndClaim: (settlement, next) =>
              Effect.tap(ledger.settleAndClaim(settlement, next), (answer) => then(answer, next, ledger))
          })
        )
      ).pipe(Layer.provideMerge(LedgerMemory.layer))
    ),
    Layer.provide(Settings.layer({ drainMillis: 0 }))
  )

/** What is given comes in place of the first answer; the others arrive. */
const firstLost = (meanwhile: Then): Then => {
  let times = 0
  return (...given) => {
    times += 1
    return times === 1 ? Effect.andThen(meanwhile(...given), Effect.fail(connectionReset)) : Effect.void
  }
}

/** A first action that ends once a second one waits behind it. */
const oneBehind = Effect.fnUntraced(function* (world: World) {
  const goOn = yield* Deferred.make<void>()
  world.answer = (reached) => Effect.andThen(Deferred.await(goOn), succeed(reached))
  const first = yield* start(execute(notify("1", "first")))
  yield* world.started(1)
  const second = yield* start(execute(notify("1", "second")))
  yield* Deferred.succeed(goOn, undefined)
  return { first, second }
})

const late = Effect.sleep("61 seconds")

describe("a claim that went along in time, and is heard of after its action's validity", () => {
  const isEnded = (sentence: string, then: () => Then, told: string) =>
    it.effect(`${sentence}, is ended as what it is: claimed, and never started`, () => {
      const { layer, world } = makeWorld()
      return Effect.gen(function* () {
        const ledger = yield* Ledger
        const { first, second } = yield* oneBehind(world)
        yield* TestClock.adjust("62 seconds")
        yield* Fiber.join(first)
        assert.include(String(yield* Fiber.join(second)), told)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* ledger.find(notify("1", "second").key))?.state, "released")
        assert.strictEqual(world.calls.length, 1)
      }).pipe(Effect.provide(over(layer, runtimeWhere(then()))))
    })

  isEnded("by its answer", () => () => late, "NotPerformed")
  // Its time has passed by then: it is doubtful, until it is known that it never started.
  isEnded("by nothing but another try's", () => firstLost(() => late), "InDoubt")
})

describe("a claim that is on its way with a settlement when the runtime closes", () => {
  it.effect("is told as what it is: under way", () => {
    const { layer, world } = makeWorld()
    return Effect.gen(function* () {
      const goOn = yield* Deferred.make<void>()
      const landed = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(goOn), succeed(reached))
      const silent = () => Effect.andThen(Deferred.succeed(landed, undefined), Effect.never)
      const second = yield* Effect.scoped(
        Effect.gen(function* () {
          const services = yield* Layer.build(over(layer, runtimeWhere(silent)))
          const ask = (status: string) =>
            Effect.forkDetach(Effect.provideContext(Effect.flip(execute(notify("1", status))), services), {
              startImmediately: true
            })
          yield* ask("first")
          yield* world.started(1)
          const second = yield* ask("second")
          yield* Deferred.succeed(goOn, undefined)
          yield* Deferred.await(landed)
          return second
        })
      )
      assert.deepInclude(yield* Fiber.join(second), { _tag: "ShuttingDown", underWay: true })
      assert.strictEqual(world.calls.length, 1)
    })
  })
})

/** What was claimed along falls silent. */
const silenced: Then = ({ claimed }, next, ledger) =>
  Effect.gen(function* () {
    assert.isDefined(claimed)
    yield* ledger.apply(next.key, { _tag: "Silence" }, yield* Identifiers.ordered)
  })

describe("a claim that went along unheard, and was called doubtful since", () => {
  it.effect("is given up: it never started here, and the key is free again by that proof", () => {
    const { layer, world } = makeWorld()
    return Effect.gen(function* () {
      const log = yield* ReceiptLog
      const { first, second } = yield* oneBehind(world)
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(first)))
      assert.include(String(yield* Fiber.join(second)), "InDoubt")
      yield* TestClock.adjust("10 seconds")
      const receipts = yield* log.byKey(notify("1", "second").key)
      assert.deepStrictEqual(
        receipts.map(({ outcome, proof }) => [outcome, proof]),
        [
          ["in_doubt", null],
          ["deduplicated", null],
          ["released", "never_started"]
        ]
      )
      assert.strictEqual(world.calls.length, 1)
    }).pipe(Effect.provide(over(layer, runtimeWhere(firstLost(silenced)))))
  })
})

describe("a claim whose answer was lost, and that was called doubtful before it was sent again", () => {
  it.effect("is given up all the same", () => {
    const { layer, world } = makeWorld()
    const trouble = makeTrouble()
    trouble.replyLost.set("claim", 1)
    return Effect.gen(function* () {
      const ledger = yield* Ledger
      const { key } = notify("1")
      let sent = 0
      const silenced = Effect.gen(function* () {
        sent += 1
        if (sent === 2) yield* ledger.apply(key, { _tag: "Silence" }, yield* Identifiers.ordered)
      })
      trouble.before.set("claim", Effect.orDie(silenced))
      const asked = yield* start(execute(notify("1")))
      yield* TestClock.adjust("1 second")
      assert.include(String(yield* Fiber.join(asked)), "InDoubt")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* ledger.find(key))?.state, "released")
      assert.strictEqual(world.calls.length, 0)
    }).pipe(Effect.provide(over(layer, layerRuntime(trouble))))
  })
})
