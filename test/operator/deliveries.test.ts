/**
 * Delivering out of the outbox, in memory and in virtual time: what each answer of the executor does to a row.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Deferred, Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  Capability,
  Connector,
  Entity,
  Fibric,
  LedgerUnavailable,
  NotPerformed,
  Operator,
  Outbox,
  ReceiptLog,
  Recovery,
  Settings,
  Verdicts
} from "fibric"
import type { Action } from "fibric"

const Order = Entity.make("order")

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

const Tell = Capability.make("tell", {
  entity: Order,
  payload: { what: Schema.String, text: Schema.String },
  success: Schema.Struct({ number: Schema.Int }),
  error: Refused,
  occasion: ({ what }) => what,
  recovery: Recovery.hold,
  deadline: "20 seconds",
  stores: ["what", "text"],
  guard: ({ payload }) => {
    if (payload.text === "unwanted")
      return Effect.succeed({ _tag: "Superseded", reason: "it is known" } as const)
    return payload.text === "unclear"
      ? Effect.fail("nobody knows")
      : Effect.succeed({ _tag: "Wanted" } as const)
  }
})

const tell = (id: string, what: string, text = "hello") => Tell.propose(Order.at(id), { what, text })

type Answer = Effect.Effect<{ readonly number: number }, Refused | NotPerformed>

/** The far side: what reached it, in order, and how it answers. */
const makeWorld = () => {
  const world = {
    calls: [] as Array<string>,
    answer: (_call: string): Answer => Effect.succeed({ number: 1 })
  }
  const connector = Connector.make("test", Tell).toLayer({
    tell: ({ what }, { entity }) =>
      Effect.suspend(() => {
        const call = `${entity.id} ${what}`
        world.calls.push(call)
        return world.answer(call)
      })
  })
  return { world, connector }
}

type World = ReturnType<typeof makeWorld>["world"]
type Provided = Outbox.Outbox | Outbox.Deliveries | ReceiptLog | Layer.Success<typeof Fibric.layerMemory>

const bounds = { drainMillis: 0, maxFailedDeliveries: 3, deliverAtOnce: 8 }

const story = (
  sentence: string,
  body: (world: World) => Effect.Effect<void, unknown, Provided>,
  changes: Partial<Settings.Bounds> = {}
) =>
  it.effect(sentence, () => {
    const { connector, world } = makeWorld()
    return body(world).pipe(
      Effect.provide(
        Outbox.layerDelivery.pipe(
          Layer.provideMerge(connector),
          Layer.provideMerge(Fibric.layerMemory),
          Layer.provide(Settings.layer({ ...bounds, ...changes }))
        )
      )
    )
  })

const enqueue = (...actions: ReadonlyArray<Action.Action<typeof Tell>>) =>
  Effect.forEach(actions, (action) => Outbox.enqueue(action))

/** Lets the background work until so much time has passed. */
const pass = (time: Parameters<typeof TestClock.adjust>[0]) => TestClock.adjust(time)

const waiting = Effect.gen(function* () {
  const outbox = yield* Outbox.Outbox
  return (yield* outbox.backlog(10)).map(({ entity, reason, waiting }) => ({
    id: entity.id,
    waiting,
    reason
  }))
})

const dead = Effect.gen(function* () {
  const outbox = yield* Outbox.Outbox
  return (yield* outbox.deadLetters(10)).map(({ deliveries, entity, reason }) => ({
    id: entity.id,
    deliveries,
    reason
  }))
})

const totals = Effect.flatMap(ReceiptLog, (log) => log.totals())

const doubtful: Answer = Effect.die("the line broke")
const unsent: Answer = Effect.fail(new NotPerformed({ proof: "never_sent", reason: "no connection" }))

describe("what waits in the outbox", () => {
  story("is performed in order, in the name of who proposed it, and is gone", (world) =>
    Effect.gen(function* () {
      yield* enqueue(tell("1", "a"), tell("1", "b"), tell("2", "c")).pipe(Operator.as("shipping"))
      yield* pass("1 second")
      assert.deepStrictEqual(
        world.calls.filter((call) => call.startsWith("1")),
        ["1 a", "1 b"]
      )
      assert.strictEqual(world.calls.length, 3)
      assert.deepStrictEqual(yield* waiting, [])
      const { receipts } = yield* (yield* ReceiptLog).query({})
      assert.deepStrictEqual(
        receipts.map(({ operator, outcome }) => `${operator} ${outcome}`),
        ["shipping performed", "shipping performed", "shipping performed"]
      )
    })
  )

  story("is not performed again where it was done already", (world) =>
    Effect.gen(function* () {
      yield* enqueue(tell("1", "a"), tell("1", "a"))
      yield* pass("1 second")
      assert.deepStrictEqual(world.calls, ["1 a"])
      assert.deepStrictEqual(yield* waiting, [])
      assert.deepStrictEqual(yield* totals, { performed: 1, deduplicated: 1 })
    })
  )

  story("ends where the provider refuses, and where its guard does not want it any more", (world) =>
    Effect.gen(function* () {
      world.answer = () => Effect.fail(new Refused({ why: "unknown" }))
      yield* enqueue(tell("1", "a"), tell("1", "b", "unwanted"), tell("1", "c"))
      yield* pass("1 second")
      assert.deepStrictEqual(world.calls, ["1 a", "1 c"])
      assert.deepStrictEqual(yield* totals, { refused: 2, superseded: 1 })
      assert.deepStrictEqual([yield* waiting, yield* dead], [[], []])
    })
  )

  story("is not delivered before it is due, and holds nobody back until then", (world) =>
    Effect.gen(function* () {
      const outbox = yield* Outbox.Outbox
      const later = Outbox.proposalOf(
        tell("1", "later"),
        "ada",
        yield* Settings.Settings,
        DateTime.makeUnsafe(60_000)
      )
      yield* outbox.put([yield* Effect.fromResult(later)])
      yield* enqueue(tell("1", "now"))
      yield* pass("59 seconds")
      assert.deepStrictEqual(world.calls, ["1 now"])
      yield* pass("3 seconds")
      assert.deepStrictEqual(world.calls, ["1 now", "1 later"])
    })
  )
})

describe("a doubt", () => {
  story("holds its entity's later rows and nobody else's, however long, and is never buried", (world) =>
    Effect.gen(function* () {
      world.answer = (call) => (call === "1 a" ? doubtful : Effect.succeed({ number: 1 }))
      yield* enqueue(tell("1", "a"), tell("1", "b"), tell("2", "c"))
      yield* pass("20 minutes")
      assert.deepStrictEqual(world.calls.toSorted(), ["1 a", "2 c"])
      const [row, ...more] = yield* waiting
      assert.deepStrictEqual([row?.id, row?.waiting, more, yield* dead], ["1", 2, [], []])
      assert.include(row?.reason ?? "", "in doubt")
    })
  )

  story("that a person settles lets the rows behind it go on", (world) =>
    Effect.gen(function* () {
      world.answer = (call) => (call === "1 a" ? doubtful : Effect.succeed({ number: 1 }))
      yield* enqueue(tell("1", "a"), tell("1", "b"))
      yield* pass("1 minute")
      const verdicts = yield* Verdicts
      yield* verdicts.itHappened(tell("1", "a"), { attempt: 1, reason: "seen" }).pipe(Operator.as("dana"))
      yield* pass("2 minutes")
      assert.deepStrictEqual(world.calls, ["1 a", "1 b"])
      assert.deepStrictEqual(yield* waiting, [])
    })
  )
})

describe("what only has to wait", () => {
  story(
    "is never buried: a process that has enough to do is asked again, ever later",
    (world) =>
      Effect.gen(function* () {
        yield* enqueue(tell("1", "a"))
        yield* pass("20 minutes")
        assert.deepStrictEqual([world.calls, yield* dead], [[], []])
        const [row] = yield* waiting
        assert.include(row?.reason ?? "", "already under way in this process")
      }),
    { maxUnderWay: 0 }
  )
})

describe("a row that can't be delivered", () => {
  story(
    "is tried again, ever later, and buried after so many failures; what comes after it goes on",
    (world) =>
      Effect.gen(function* () {
        world.answer = (call) => (call === "1 a" ? unsent : Effect.succeed({ number: 1 }))
        yield* enqueue(tell("1", "a"), tell("1", "b"))
        yield* pass("900 millis")
        assert.deepStrictEqual(world.calls, ["1 a"])
        yield* pass("1200 millis")
        assert.deepStrictEqual(world.calls, ["1 a", "1 a"])
        yield* pass("1 second")
        assert.deepStrictEqual(world.calls, ["1 a", "1 a"])
        yield* pass("3 seconds")
        assert.deepStrictEqual(world.calls, ["1 a", "1 a", "1 a", "1 b"])
        const [letter, ...more] = yield* dead
        assert.deepStrictEqual([letter?.id, letter?.deliveries, more], ["1", 3, []])
        assert.match(letter?.reason ?? "", /^3 deliveries failed, the last one so: .*no connection/)
      })
  )

  story("is buried where its guard can't answer so often", () =>
    Effect.gen(function* () {
      yield* enqueue(tell("1", "a", "unclear"))
      yield* pass("1 minute")
      assert.deepStrictEqual(
        (yield* dead).map(({ deliveries }) => deliveries),
        [3]
      )
    })
  )

  story("is delivered when a person has revived it, and gone when they have dropped it", (world) =>
    Effect.gen(function* () {
      const outbox = yield* Outbox.Outbox
      world.answer = () => unsent
      const [first = 0n, second = 0n] = yield* enqueue(tell("1", "a"), tell("1", "b"))
      yield* pass("1 minute")
      assert.strictEqual((yield* dead).length, 2)
      world.answer = () => Effect.succeed({ number: 1 })
      world.calls.length = 0
      assert.isTrue(yield* outbox.revive(first))
      assert.isTrue(yield* outbox.drop(second, "dana", "told by phone"))
      yield* pass("1 second")
      assert.deepStrictEqual(world.calls, ["1 a"])
      assert.deepStrictEqual([yield* waiting, yield* dead], [[], []])
    })
  )

  for (const [what, changes, reason] of [
    ["whose payload does not fit", { payload: { what: 7 } }, /does not fit the schema of "tell"/],
    [
      "for another type of entity",
      { entity: { type: "door", id: "1" } },
      /is for entities of the type "order"/
    ],
    ["whose key can't be one", { payload: { what: "", text: "" } }, /occasion is empty/],
    ["of nobody", { operator: "x".repeat(200) }, /operator's name is longer/]
  ] as const) {
    story(`${what} is buried at once`, (world) =>
      Effect.gen(function* () {
        const outbox = yield* Outbox.Outbox
        const good = yield* Effect.fromResult(
          Outbox.proposalOf(tell("1", "a"), "ada", yield* Settings.Settings)
        )
        yield* outbox.put([{ ...good, ...changes }, good])
        yield* pass("1 second")
        const [letter, ...more] = yield* dead
        assert.deepStrictEqual([letter?.deliveries, more], [1, []])
        assert.match(letter?.reason ?? "", reason)
        assert.deepStrictEqual(world.calls, ["1 a"])
      })
    )
  }

  story("because another action has its key is buried at once", (world) =>
    Effect.gen(function* () {
      yield* enqueue(tell("1", "a"), tell("1", "a", "something else"), tell("1", "b"))
      yield* pass("1 second")
      assert.deepStrictEqual(world.calls, ["1 a", "1 b"])
      assert.match((yield* dead)[0]?.reason ?? "", /already names another action/)
    })
  )
})

describe("a call that takes long", () => {
  story(
    "is its taker's for as long as it goes on, over many leases; the entity's next row waits for its end",
    (world) =>
      Effect.gen(function* () {
        const outbox = yield* Outbox.Outbox
        const arrived = yield* Deferred.make<{ readonly number: number }>()
        world.answer = (call) => (call === "1 a" ? Deferred.await(arrived) : Effect.succeed({ number: 1 }))
        yield* enqueue(tell("1", "a"), tell("1", "b"))
        for (let second = 0; second < 15; second++) {
          yield* pass("1 second")
          assert.deepStrictEqual(yield* outbox.take(["tell"], 10, 60_000), [])
        }
        assert.deepStrictEqual(world.calls, ["1 a"])
        yield* Deferred.succeed(arrived, { number: 1 })
        yield* pass("5 seconds")
        assert.deepStrictEqual(world.calls, ["1 a", "1 b"])
        assert.deepStrictEqual([yield* waiting, yield* dead], [[], []])
        assert.deepStrictEqual(yield* totals, { performed: 2 })
      }),
    { deliverLeaseMillis: 3_000 }
  )

  it.effect("stays its taker's although the ledger was away for one renewal", () => {
    const { connector, world } = makeWorld()
    let away = 1
    const outbox = Layer.effect(
      Outbox.Outbox,
      Effect.map(Outbox.Outbox, (outbox) =>
        Outbox.Outbox.of({
          ...outbox,
          deliver: (ended) =>
            Effect.suspend(() =>
              away-- > 0
                ? Effect.fail(new LedgerUnavailable({ operation: "deliver", reason: "connection refused" }))
                : outbox.deliver(ended)
            )
        })
      )
    )
    return Effect.gen(function* () {
      const { take } = yield* Outbox.Outbox
      world.answer = () => Effect.never
      yield* enqueue(tell("1", "a"))
      for (let second = 0; second < 15; second++) {
        yield* pass("1 second")
        assert.deepStrictEqual(yield* take(["tell"], 10, 60_000), [])
      }
      assert.isBelow(away, 0)
      assert.deepStrictEqual(world.calls, ["1 a"])
    }).pipe(
      Effect.provide(
        Outbox.layerDelivery.pipe(
          Layer.provideMerge(outbox),
          Layer.provideMerge(connector),
          Layer.provideMerge(Fibric.layerMemory),
          Layer.provide(Settings.layer({ ...bounds, deliverLeaseMillis: 3_000 }))
        )
      )
    )
  })

  story(
    "keeps no more entities busy than there is room for, and the others have their turn",
    (world) =>
      Effect.gen(function* () {
        const arrived = yield* Deferred.make<{ readonly number: number }>()
        world.answer = () => Deferred.await(arrived)
        yield* enqueue(...["1", "2", "3", "4", "5"].map((id) => tell(id, "a")))
        yield* pass("5 seconds")
        assert.strictEqual(world.calls.length, 2)
        yield* Deferred.succeed(arrived, { number: 1 })
        yield* pass("5 seconds")
        assert.strictEqual(world.calls.length, 5)
        assert.deepStrictEqual(yield* waiting, [])
      }),
    { deliverAtOnce: 2 }
  )
})

describe("closing", () => {
  it.effect("gives back what is under way, so that another process takes it at once", () => {
    const { connector, world } = makeWorld()
    return Effect.gen(function* () {
      world.answer = () => Effect.never
      yield* enqueue(tell("1", "a"))
      const delivering = yield* Effect.forkChild(
        Effect.provide(Effect.never, Layer.fresh(Outbox.layerDelivery))
      )
      yield* pass("1 second")
      assert.deepStrictEqual(world.calls, ["1 a"])
      yield* Fiber.interrupt(delivering)
      const outbox = yield* Outbox.Outbox
      const [taken, ...more] = yield* outbox.take(["tell"], 10, 60_000)
      assert.deepStrictEqual([taken?.delivery, more], [2, []])
    }).pipe(
      Effect.provide(
        connector.pipe(Layer.provideMerge(Fibric.layerMemory), Layer.provideMerge(Settings.layer(bounds)))
      )
    )
  })
})
