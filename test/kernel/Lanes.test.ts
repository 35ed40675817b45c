import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Entity, execute, Fibric, ReceiptLog, Settings, type ShuttingDown } from "fibric"
import * as Lanes from "../../src/kernel/Lanes.ts"
import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import { makeWorld, notify, Order, over, Peek, succeed } from "../support/orders.ts"
import { fault } from "../support/fault.ts"

const lanes = (bounds: Partial<Settings.Bounds> = {}) =>
  Layer.effect(
    Entering,
    Effect.map(Lanes.Lanes, ({ active, enter }) => ({
      active,
      enter: <A>(entity: Uint8Array, turn: Effect.Effect<A>) => enter(entity, { turn: () => turn })
    }))
  ).pipe(Layer.provide(Lanes.layer), Layer.provide([Settings.layer(bounds), LedgerMemory.layer]))

/** The lanes, entered with nothing but a turn. */
class Entering extends Context.Service<
  Entering,
  {
    readonly active: Effect.Effect<number>
    readonly enter: <A>(
      entity: Uint8Array,
      turn: Effect.Effect<A>
    ) => Effect.Effect<A, Lanes.MailboxFull | Lanes.Occupied | ShuttingDown>
  }
>()("fibric/test/kernel/Lanes/Entering") {}

const order = (id: string) => Entity.hash({ type: "order", id })

describe("an entity's lane", () => {
  it.effect("runs one turn at a time, in the order of arrival", () =>
    Effect.gen(function* () {
      const { enter } = yield* Entering
      const log: Array<string> = []
      const turn = (name: string) =>
        Effect.gen(function* () {
          log.push(`${name} begins`)
          yield* Effect.yieldNow
          log.push(`${name} ends`)
        })
      yield* Effect.forEach(["a", "b", "c"], (name) => enter(order("1"), turn(name)), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(log, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"])
    }).pipe(Effect.provide(lanes()))
  )

  it.effect("holds up no other entity", () =>
    Effect.gen(function* () {
      const { enter } = yield* Entering
      const gate = yield* Deferred.make<void>()
      const stuck = yield* Effect.forkChild(enter(order("1"), Deferred.await(gate)), {
        startImmediately: true
      })
      assert.strictEqual(yield* enter(order("2"), Effect.succeed("done")), "done")
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(stuck)
    }).pipe(Effect.provide(lanes()))
  )

  it.effect("is there while it has work, and gone when it has none", () =>
    Effect.gen(function* () {
      const { enter, active } = yield* Entering
      assert.strictEqual(yield* active, 0)
      const gate = yield* Deferred.make<void>()
      const turns = yield* Effect.forEach(["1", "2", "3"], (id) =>
        Effect.forkChild(enter(order(id), Deferred.await(gate)), { startImmediately: true })
      )
      assert.strictEqual(yield* active, 3)
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach(turns, Fiber.join)
      yield* Effect.yieldNow
      assert.strictEqual(yield* active, 0)
    }).pipe(Effect.provide(lanes()))
  )

  it.effect(
    `${fault("a million entities")} ten thousand entities pass through and leave nothing behind`,
    () =>
      Effect.gen(function* () {
        const { enter, active } = yield* Entering
        for (let id = 0; id < 10_000; id++) yield* enter(order(String(id)), Effect.void)
        yield* Effect.yieldNow
        assert.strictEqual(yield* active, 0)
      }).pipe(Effect.provide(lanes()))
  )

  it.effect(`${fault("mailbox overflow")} takes as many as its mailbox holds, and refuses the next`, () =>
    Effect.gen(function* () {
      const { enter } = yield* Entering
      const gate = yield* Deferred.make<void>()
      const waiting = yield* Effect.replicateEffect(
        Effect.forkChild(enter(order("1"), Deferred.await(gate)), { startImmediately: true }),
        3
      )
      const refused = yield* Effect.flip(enter(order("1"), Effect.void))
      assert.deepStrictEqual(refused, { _tag: "MailboxFull", capacity: 2 })
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach(waiting, Fiber.join)
      yield* enter(order("1"), Effect.void)
    }).pipe(Effect.provide(lanes({ mailboxCapacity: 2 })))
  )

  it.effect("that is full takes nobody's place away: who is turned away replaces nothing", () =>
    Effect.gen(function* () {
      const { enter } = yield* Lanes.Lanes
      const gate = yield* Deferred.make<void>()
      const latest = (name: string): Lanes.Visit<string> => ({
        turn: (lane) => Effect.succeed(lane.isReplaced() ? `${name} was replaced` : name),
        replaces: "display"
      })
      const head = yield* Effect.forkChild(enter(order("1"), { turn: () => Deferred.await(gate) }), {
        startImmediately: true
      })
      const waiting = yield* Effect.forEach(["older", "newer"], (name) =>
        Effect.forkChild(enter(order("1"), latest(name)), { startImmediately: true })
      )
      const refused = yield* Effect.flip(enter(order("1"), latest("newest")))
      assert.deepStrictEqual(refused, { _tag: "MailboxFull", capacity: 2 })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(head)
      assert.deepStrictEqual(yield* Effect.forEach(waiting, Fiber.join), ["older was replaced", "newer"])
    }).pipe(
      Effect.provide(
        Lanes.layer.pipe(Layer.provide([Settings.layer({ mailboxCapacity: 2 }), LedgerMemory.layer]))
      )
    )
  )

  it.effect("goes on with a turn whose caller was interrupted", () =>
    Effect.gen(function* () {
      const { enter } = yield* Entering
      const gate = yield* Deferred.make<void>()
      let finished = false
      const turn = Effect.andThen(
        Deferred.await(gate),
        Effect.sync(() => {
          finished = true
        })
      )
      const caller = yield* Effect.forkChild(enter(order("1"), turn), { startImmediately: true })
      yield* Fiber.interrupt(caller)
      yield* Deferred.succeed(gate, undefined)
      yield* enter(order("1"), Effect.void)
      assert.isTrue(finished)
    }).pipe(Effect.provide(lanes()))
  )

  it.effect("goes on after a turn that died", () =>
    Effect.gen(function* () {
      const { enter } = yield* Entering
      yield* Effect.exit(enter(order("1"), Effect.die("boom")))
      assert.strictEqual(yield* enter(order("1"), Effect.succeed(7)), 7)
    }).pipe(Effect.provide(lanes()))
  )
})

describe("actions of one entity", () => {
  it.effect("are in flight one at a time, however many are asked for", () => {
    const { world, layer } = makeWorld()
    return Effect.gen(function* () {
      world.answer = (reached) => Effect.andThen(Effect.yieldNow, succeed(reached))
      const occasions = Array.from({ length: 50 }, (_, n) => `occasion-${n}`)
      yield* Effect.forEach(occasions, (occasion) => execute(notify("1", occasion)), {
        concurrency: "unbounded"
      })
      assert.strictEqual(world.calls.length, 50)
      assert.strictEqual(world.most, 1)
      assert.deepStrictEqual(
        world.calls.map(({ payload }) => payload.status),
        occasions
      )
    }).pipe(Effect.provide(over(layer, Fibric.layerMemory)))
  })

  it.effect("wait for each other; those of other entities do not wait", () => {
    const { world, layer } = makeWorld()
    return Effect.gen(function* () {
      world.answer = (reached) => Effect.delay(succeed(reached), "1 second")
      const asking = yield* Effect.forEach(["1", "2", "3"], (id) =>
        Effect.forkChild(execute(notify(id)), { startImmediately: true })
      )
      yield* world.started(3)
      yield* TestClock.adjust("1 second")
      yield* Effect.forEach(asking, Fiber.join)
      assert.strictEqual(world.most, 1)
    }).pipe(Effect.provide(over(layer, Fibric.layerMemory)))
  })

  it.effect("are refused by name where a doubt holds the lane, and the refusal is written down", () => {
    const { world, layer } = makeWorld()
    return Effect.gen(function* () {
      const log = yield* ReceiptLog
      world.answer = () => Effect.die("boom")
      yield* Effect.flip(execute(notify("1")))
      const held = yield* Effect.flip(execute(notify("1", "delivered")))
      assert.strictEqual(held._tag, "LaneHeld")
      assert.strictEqual(held._tag === "LaneHeld" ? held.heldBy : "", "notify:order-1:shipped")
      assert.deepStrictEqual(yield* log.totals(notify("1", "delivered").key), { denied: 1 })
      assert.strictEqual(world.calls.length, 1)
    }).pipe(Effect.provide(over(layer, Fibric.layerMemory)))
  })

  it.effect(
    `${fault("mailbox overflow")} are saturated at the mailbox's bound: typed, written down, nothing claimed`,
    () => {
      const { world, layer } = makeWorld()
      const runtime = Layer.provide(Fibric.layerMemory, Settings.layer({ mailboxCapacity: 2 }))
      return Effect.gen(function* () {
        const log = yield* ReceiptLog
        const gate = yield* Deferred.make<void>()
        world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
        const waiting = yield* Effect.forEach(["a", "b", "c"], (occasion) =>
          Effect.forkChild(execute(notify("1", occasion)), { startImmediately: true })
        )
        yield* world.started(1)
        const refused = yield* Effect.flip(execute(notify("1", "d")))
        assert.strictEqual(refused._tag, "Saturated")
        assert.deepStrictEqual(yield* log.totals(notify("1", "d").key), { saturated: 1 })
        yield* Deferred.succeed(gate, undefined)
        yield* Effect.forEach(waiting, Fiber.join)
        yield* execute(notify("1", "d"))
        assert.strictEqual(world.calls.length, 4)
      }).pipe(Effect.provide(over(layer, runtime)))
    }
  )

  it.effect("that waited longer than they are valid expire, and the key is not spent", () => {
    const { world, layer } = makeWorld()
    return Effect.gen(function* () {
      const log = yield* ReceiptLog
      // Each call takes just less than its deadline; the fifth in line waits longer than a minute.
      world.answer = (reached) => Effect.delay(succeed(reached), "19 seconds")
      const asking = yield* Effect.forEach(["a", "b", "c", "d", "e"], (occasion) =>
        Effect.forkChild(Effect.exit(execute(notify("1", occasion))), { startImmediately: true })
      )
      for (let turn = 1; turn <= 4; turn++) {
        yield* world.started(turn)
        yield* TestClock.adjust("19 seconds")
      }
      yield* Effect.forEach(asking, Fiber.join)
      assert.strictEqual(world.calls.length, 4)
      assert.deepStrictEqual(yield* log.totals(notify("1", "e").key), { expired: 1 })
      world.answer = succeed
      yield* execute(notify("1", "e"))
      assert.strictEqual(world.calls.length, 5)
    }).pipe(Effect.provide(over(layer, Fibric.layerMemory)))
  })

  it.effect("may be of several capabilities and share the lane", () => {
    const { world, layer } = makeWorld()
    return Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
      const first = yield* Effect.forkChild(execute(notify("1")), { startImmediately: true })
      const second = yield* Effect.forkChild(execute(Peek.propose(Order.at("1"), { what: "status" })), {
        startImmediately: true
      })
      yield* world.started(1)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      assert.strictEqual(world.most, 1)
    }).pipe(Effect.provide(over(layer, Fibric.layerMemory)))
  })
})
