/**
 * Whether an action is still wanted when its turn comes, and what waiting comes to.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  Capability,
  type Connector,
  Connector as Connectors,
  Entity,
  execute,
  type Executor,
  Fibric,
  Guard,
  ReceiptLog,
  Recovery,
  Settings,
  stateOf,
  type Verdicts
} from "fibric"
import { Display, Door, type Hall, lock, makeHall, Ring, unlock } from "../support/doors.ts"
import type { Ledger } from "../../src/kernel/Ledger.ts"
import { claimed, performed, settle } from "../contracts/keys.ts"
import { layerRuntime, makeTrouble } from "../support/ledgers.ts"
import { over } from "../support/orders.ts"

type Doors = "unlock" | "lock" | "display" | "ring"
type Services = Executor | ReceiptLog | Verdicts | { [Name in Doors]: Connector.Handler<Name> }[Doors]

const story = (sentence: string, body: (hall: Hall) => Effect.Effect<void, unknown, Services>) =>
  it.effect(sentence, () => {
    const { hall, layer } = makeHall()
    return Effect.provide(body(hall), over(layer, Fibric.layerMemory))
  })

const started = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(effect, { startImmediately: true })

describe("an entity's state", () => {
  story("is the declared one at version 0 until an action has changed it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* stateOf(Door, Door.at("7")), {
        state: { locked: true, turns: 0 },
        version: 0
      })
      yield* execute(unlock("7", "morning"))
      assert.deepStrictEqual(yield* stateOf(Door, Door.at("7")), {
        state: { locked: false, turns: 1 },
        version: 1
      })
      assert.strictEqual((yield* stateOf(Door, Door.at("8"))).version, 0)
    })
  )

  story("stays as it is while nobody knows whether the action was performed", (hall) =>
    Effect.gen(function* () {
      hall.end = Effect.die("the line went dead")
      assert.strictEqual((yield* Effect.flip(execute(unlock("7", "morning"))))._tag, "InDoubt")
      assert.strictEqual((yield* stateOf(Door, Door.at("7"))).version, 0)
    })
  )

  story("is refused for an address that can't be a name", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(stateOf(Door, Door.at(""))))._tag, "InvalidKey")
    })
  )
})

describe("a state of an earlier shape", () => {
  const Named = Schema.Struct({ name: Schema.String })
  const Full = Schema.Struct({ first: Schema.String, last: Schema.String })
  const before = Entity.make("person", { state: Named, initial: { name: "" } })
  const now = Entity.make("person", {
    state: Full,
    initial: { first: "", last: "" },
    earlier: [
      Entity.earlier(Named, ({ name }) => {
        const [first = "", last = ""] = name.split(" ")
        return { first, last }
      })
    ]
  })
  const Rename = Capability.make("rename", {
    entity: before,
    payload: { name: Schema.String },
    success: Schema.Void,
    occasion: ({ name }) => name,
    recovery: Recovery.hold,
    deadline: "1 second",
    becomes: ({ payload: { name } }) => ({ name })
  })
  const Greet = Capability.make("greet", {
    entity: now,
    payload: { word: Schema.String },
    success: Schema.Void,
    occasion: ({ word }) => word,
    recovery: Recovery.hold,
    deadline: "1 second",
    guard: ({ state: { first, last } }) =>
      first === "Ada" && last === "Lovelace" ? Guard.wanted : Guard.superseded(`${first}, ${last}`),
    becomes: ({ state }) => ({ ...state, first: "Augusta Ada" })
  })
  const people = Connectors.make("people", Rename, Greet).toLayer({
    rename: () => Effect.void,
    greet: () => Effect.void
  })

  it.effect("is upgraded when it is read, and written anew by the next settlement", () =>
    Effect.gen(function* () {
      const ada = before.at("ada")
      yield* execute(Rename.propose(ada, { name: "Ada Lovelace" }))
      assert.deepStrictEqual(yield* stateOf(now, ada), {
        state: { first: "Ada", last: "Lovelace" },
        version: 1
      })
      yield* execute(Greet.propose(ada, { word: "hello" }))
      assert.deepStrictEqual((yield* stateOf(now, ada)).state, { first: "Augusta Ada", last: "Lovelace" })
      // The version before does not know the shape: it performs nothing on what it can't read.
      const unreadable = yield* Effect.flip(stateOf(before, ada))
      assert.strictEqual(
        unreadable.message,
        "The state of person-ada can't be read: the entity's state has shape 1, and this version knows up to 0. Nothing was changed; start the version that wrote it, or declare the shape that it has."
      )
      const refused = yield* Effect.flip(execute(Rename.propose(ada, { name: "A. L." })))
      assert.strictEqual(refused._tag, "GuardFailed")
    }).pipe(Effect.provide(over(people, Fibric.layerMemory)))
  )
})

describe("a guard", () => {
  story("is asked when the turn comes, against the state as it then is", (hall) =>
    Effect.gen(function* () {
      hall.gate = yield* Deferred.make<void>()
      const first = yield* started(execute(unlock("7", "morning")))
      yield* hall.called(1)
      const second = yield* started(Effect.flip(execute(unlock("7", "noon"))))
      yield* Deferred.succeed(hall.gate, undefined)
      yield* Fiber.join(first)
      const superseded = yield* Fiber.join(second)
      assert.deepInclude(superseded, { _tag: "Superseded", reason: "it is unlocked already", version: 1 })
      assert.deepStrictEqual(hall.calls, ["unlock 7 morning"])
      const log = yield* ReceiptLog
      assert.deepStrictEqual(yield* log.totals(unlock("7", "noon").key), { superseded: 1 })
    })
  )

  story("that says no spends no key: what was superseded is performed once it is wanted", (hall) =>
    Effect.gen(function* () {
      yield* execute(unlock("7", "morning"))
      yield* Effect.flip(execute(unlock("7", "noon")))
      yield* execute(lock("7", "after"))
      yield* execute(unlock("7", "noon"))
      assert.deepStrictEqual(hall.calls, ["unlock 7 morning", "lock 7 after", "unlock 7 noon"])
    })
  )

  story("asks with the services of its connector's layer, and never for a repeat", (hall) =>
    Effect.gen(function* () {
      hall.isOpen = false
      const closed = yield* Effect.flip(execute(unlock("7", "morning")))
      assert.deepInclude(closed, { _tag: "Superseded", reason: "the building is closed", version: 0 })
      hall.isOpen = true
      yield* execute(unlock("7", "morning"))
      assert.strictEqual(hall.asked, 2)
      yield* execute(unlock("7", "morning"))
      assert.strictEqual(hall.asked, 2)
    })
  )

  story("of 200 that wait supersedes those that are no longer wanted, and none is performed", (hall) =>
    Effect.gen(function* () {
      hall.gate = yield* Deferred.make<void>()
      const first = yield* started(execute(unlock("7", "morning")))
      yield* hall.called(1)
      const others = yield* started(
        Effect.forEach(
          Array.from({ length: 200 }, (_, index) => `visit ${index}`),
          (visit) => Effect.result(execute(unlock("7", visit))),
          { concurrency: "unbounded" }
        )
      )
      yield* Deferred.succeed(hall.gate, undefined)
      yield* Fiber.join(first)
      const ends = yield* Fiber.join(others)
      assert.deepStrictEqual(
        [...new Set(ends.map((end) => Result.isFailure(end) && end.failure._tag))],
        ["Superseded"]
      )
      assert.strictEqual(ends.length, 200)
      assert.deepStrictEqual(hall.calls, ["unlock 7 morning"])
      const log = yield* ReceiptLog
      assert.deepStrictEqual(yield* log.totals(), { performed: 1, superseded: 200 })
    })
  )

  const Odd = Entity.make("odd", { state: Schema.Struct({ n: Schema.Int }), initial: { n: 0 } })
  const failing = (guard: (question: unknown) => Effect.Effect<Guard.Verdict, unknown>) => {
    const Act = Capability.make("act", {
      entity: Odd,
      payload: {},
      success: Schema.Void,
      occasion: () => "once",
      recovery: Recovery.hold,
      deadline: "1 second",
      guard
    })
    return Act
  }

  it.effect("that fails, dies or never answers is no yes", () =>
    Effect.gen(function* () {
      for (const [guard, reason] of [
        [() => Effect.fail("no answer from the shop"), "its guard failed: no answer from the shop"],
        [() => Effect.die("a bug"), "its guard failed: a bug"],
        [() => Effect.never, "its guard gave no answer within 5000 ms"]
      ] as const) {
        const Act = failing(guard)
        const action = Act.propose(Odd.at("1"), {})
        const calls: Array<string> = []
        const connector = Connectors.make("odd", Act).toLayer({
          act: () => Effect.sync(() => void calls.push("act"))
        })
        yield* Effect.gen(function* () {
          const asked = yield* started(Effect.flip(execute(action)))
          yield* TestClock.adjust("5 seconds")
          const failed = yield* Fiber.join(asked)
          assert.deepInclude(failed, { _tag: "GuardFailed", reason, safeToRetry: true })
          assert.deepStrictEqual(calls, [])
          const log = yield* ReceiptLog
          assert.deepStrictEqual(yield* log.totals(action.key), { denied: 1 })
        }).pipe(Effect.provide(over(connector, Fibric.layerMemory)))
      }
    })
  )
})

describe("a guard of an action that changes nothing", () => {
  const Greet = Capability.make("greet", {
    entity: Door,
    payload: { visit: Schema.String },
    success: Schema.Void,
    occasion: ({ visit }) => visit,
    recovery: Recovery.hold,
    deadline: "20 seconds",
    guard: ({ state }) => (state.locked ? Guard.superseded("nobody can come in") : Guard.wanted)
  })

  it.effect("is asked again where the state has changed between its look and the claim", () => {
    const { hall, layer } = makeHall()
    const trouble = makeTrouble()
    const greeting = Connectors.make("host", Greet).toLayer({
      greet: () => Effect.sync(() => void hall.calls.push("greet"))
    })
    return Effect.gen(function* () {
      yield* execute(unlock("7", "morning"))
      const locked = { version: 1, becomes: { shape: 0, json: `{"locked":true,"turns":2}` } }
      const elsewhere = Effect.gen(function* () {
        trouble.before.clear()
        yield* settle(yield* claimed(lock("7", "elsewhere").key, { basis: locked }), performed)
      })
      trouble.before.set(
        "claim",
        Effect.orDie(Effect.provideContext(elsewhere, yield* Effect.context<Ledger>()))
      )
      const late = yield* Effect.flip(execute(Greet.propose(Door.at("7"), { visit: "morning" })))
      assert.deepInclude(late, { _tag: "Superseded", reason: "nobody can come in", version: 2 })
      assert.deepStrictEqual(hall.calls, ["unlock 7 morning"])
    }).pipe(Effect.provide(over(Layer.merge(layer, greeting), layerRuntime(trouble))))
  })
})

describe("an action that carries the version it was decided against", () => {
  story("is performed while the state is at that version, and superseded after", (hall) =>
    Effect.gen(function* () {
      const { version } = yield* stateOf(Door, Door.at("7"))
      yield* execute(unlock("7", "morning", version))
      yield* execute(lock("7", "after"))
      const late = yield* Effect.flip(execute(unlock("7", "noon", version)))
      assert.deepInclude(late, {
        _tag: "Superseded",
        reason: "it was decided against version 0, and the state is at 2",
        version: 2
      })
      assert.deepStrictEqual(hall.calls, ["unlock 7 morning", "lock 7 after"])
    })
  )
})

describe("an action that may pass a doubt", () => {
  story("is performed beside it, and others are held", (hall) =>
    Effect.gen(function* () {
      hall.end = Effect.die("the line went dead")
      yield* Effect.flip(execute(unlock("7", "morning")))
      hall.end = Effect.void
      yield* execute(lock("7", "after"))
      assert.deepStrictEqual((yield* stateOf(Door, Door.at("7"))).state, { locked: true, turns: 1 })
      const held = yield* Effect.flip(execute(unlock("7", "noon")))
      assert.strictEqual(held._tag, "LaneHeld")
      assert.deepStrictEqual(hall.calls, ["unlock 7 morning", "lock 7 after"])
    })
  )
})

describe("while another action of the entity is in flight", () => {
  story("the latest takes the place of its kind that waits, and of nothing else", (hall) =>
    Effect.gen(function* () {
      hall.gate = yield* Deferred.make<void>()
      const display = (visit: string) => Display.propose(Door.at("7"), { visit })
      const first = yield* started(execute(display("one")))
      yield* hall.called(1)
      const second = yield* started(Effect.flip(execute(display("two"))))
      const between = yield* started(execute(lock("7", "between")))
      const third = yield* started(execute(display("three")))
      yield* Deferred.succeed(hall.gate, undefined)
      yield* Effect.forEach([first, third], Fiber.join)
      yield* Fiber.join(between)
      assert.deepInclude(yield* Fiber.join(second), {
        _tag: "Superseded",
        reason: "a later action took its place",
        version: null
      })
      assert.deepStrictEqual(hall.calls, ["display 7 one", "lock 7 between", "display 7 three"])
    })
  )

  story("what does not wait is told so at once, and is performed when asked for later", (hall) =>
    Effect.gen(function* () {
      hall.gate = yield* Deferred.make<void>()
      const ring = Ring.propose(Door.at("7"), { visit: "morning" })
      const first = yield* started(execute(unlock("7", "morning")))
      yield* hall.called(1)
      assert.strictEqual((yield* Effect.flip(execute(ring)))._tag, "LaneBusy")
      yield* Deferred.succeed(hall.gate, undefined)
      yield* Fiber.join(first)
      yield* execute(ring)
      assert.deepStrictEqual(hall.calls, ["unlock 7 morning", "ring 7 morning"])
      const log = yield* ReceiptLog
      assert.deepStrictEqual(yield* log.totals(ring.key), { denied: 1, performed: 1 })
    })
  )
})

describe("a bound on the claims that go along with a settlement", () => {
  it.effect("is kept, and nothing waits for ever behind it", () => {
    const { hall, layer } = makeHall()
    return Effect.gen(function* () {
      hall.gate = yield* Deferred.make<void>()
      const first = yield* started(execute(Display.propose(Door.at("7"), { visit: "first" })))
      yield* hall.called(1)
      const others = yield* started(
        Effect.forEach(
          Array.from({ length: 7 }, (_, index) => `${index}`),
          (visit) => execute(lock("7", visit)),
          { concurrency: "unbounded" }
        )
      )
      yield* Deferred.succeed(hall.gate, undefined)
      yield* Fiber.join(first)
      assert.strictEqual((yield* Fiber.join(others)).length, 7)
      assert.strictEqual(hall.calls.length, 8)
    }).pipe(
      Effect.provide(
        Layer.provide(over(layer, Fibric.layerMemory), Settings.layer({ keepLane: 2, drainMillis: 0 }))
      )
    )
  })
})
