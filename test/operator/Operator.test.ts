import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Latch, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Capability, EventSource, Operator, ReceiptLog, Recovery } from "fibric"
import {
  changed,
  type Changed,
  cursorOf,
  delivered,
  held,
  Order,
  setUp,
  start,
  tell,
  telling,
  wish
} from "./fixtures.ts"

describe("an operator", () => {
  it.effect("proposes one action for one event, in its own name, and moves on in the same write", () => {
    const { box, over, shop } = setUp({ delivers: true })
    const orders = EventSource.memory("orders", [changed("4471")])
    return over(
      Effect.gen(function* () {
        yield* start(telling(orders))
        assert.deepStrictEqual(box.writes, [
          {
            proposals: [
              {
                capability: "tell",
                entity: { type: "order", id: "4471" },
                payload: { what: "shipped" },
                decidedAt: undefined,
                operator: "teller",
                dueAt: undefined
              }
            ],
            move: { operator: "teller", source: "orders", from: undefined, to: "1" }
          }
        ])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(shop.told, ["4471 shipped"])
        const [receipt] = yield* (yield* ReceiptLog).byKey(tell(changed("4471")).key)
        assert.strictEqual(receipt?.operator, "teller")
        assert.strictEqual(receipt?.outcome, "performed")
      })
    )
  })

  it.effect("hears of a new event without waiting for its next look", () => {
    const { over, proposed } = setUp()
    const orders = EventSource.memory<Changed>("orders")
    return over(
      Effect.gen(function* () {
        yield* start(telling(orders))
        yield* TestClock.adjust("1 minute")
        yield* orders.append(changed("1"))
        yield* TestClock.adjust("20 millis")
        assert.deepStrictEqual(proposed(), ["1 shipped"])
      })
    )
  })

  it.effect("proposes none, one or many, in order", () => {
    const { over, proposed } = setUp()
    const orders = EventSource.memory("orders", [changed("1"), changed("2"), changed("3")])
    const many = Operator.make("many", {
      watch: orders,
      propose: (event) => (event.order === "2" ? [] : [tell(event), tell({ ...event, status: "thanks" })])
    })
    return over(
      Effect.gen(function* () {
        yield* start(many)
        assert.deepStrictEqual(proposed(), ["1 shipped", "1 thanks", "3 shipped", "3 thanks"])
      })
    )
  })

  it.effect(
    "writes nothing for events that give no reason, and keeps from time to time that it has read them",
    () => {
      const { box, over } = setUp()
      const orders = EventSource.memory<Changed>("orders", [changed("1")])
      return over(
        Effect.gen(function* () {
          yield* start(telling(orders))
          yield* orders.append(changed("2", "packed"))
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual(box.writes.length, 1)
          yield* TestClock.adjust("6 seconds")
          assert.deepStrictEqual(box.writes.slice(1), [
            { proposals: [], move: { operator: "teller", source: "orders", from: "1", to: "2" } }
          ])
        })
      )
    }
  )

  it.effect("delivers a delayed action when it is due, after its guard has been asked then", () => {
    const { box, over, shop } = setUp({ delivers: true })
    const orders = EventSource.memory("orders", [changed("1"), changed("2"), changed("3")])
    const remind = Operator.make("reminder", {
      watch: orders,
      propose: (event) =>
        event.order === "3"
          ? Operator.notBefore(tell(event), DateTime.makeUnsafe("1970-01-01T00:30:00Z"))
          : Operator.later(tell(event), event.order === "1" ? "20 minutes" : "10 minutes")
    })
    return over(
      Effect.gen(function* () {
        const process = yield* start(remind)
        assert.deepStrictEqual(
          box.landed.map(({ dueAt }) => dueAt && DateTime.formatIso(dueAt)),
          ["1970-01-01T00:20:00.000Z", "1970-01-01T00:10:00.000Z", "1970-01-01T00:30:00.000Z"]
        )
        yield* process.stop
        yield* TestClock.adjust("9 minutes")
        assert.deepStrictEqual(shop.told, [])
        yield* start(remind)
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(shop.told, ["2 shipped"])
        wish.isWanted = false
        yield* TestClock.adjust("10 minutes")
        wish.isWanted = true
        const [receipt] = yield* (yield* ReceiptLog).byKey(tell(changed("1")).key)
        assert.strictEqual(receipt?.outcome, "superseded")
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(shop.told, ["2 shipped", "3 shipped"])
      })
    )
  })
})

describe("an operator that proposes very much", () => {
  const times = (number: number, { order, status }: Changed) =>
    Array.from({ length: number }, (_, index) => tell({ order, status: `${status} ${index}` }))

  it.effect("parts it into several commits, and never what one event gives reason for", () => {
    const { box, over } = setUp({ capacity: 10_000 })
    const orders = EventSource.memory("orders", [changed("1"), changed("2"), changed("3")])
    return over(
      Effect.gen(function* () {
        yield* start(Operator.make("many", { watch: orders, propose: (event) => times(500, event) }))
        assert.deepStrictEqual(
          box.writes.map(({ move, proposals }) => [proposals.length, move?.to]),
          [
            [1_000, "2"],
            [500, "3"]
          ]
        )
      })
    )
  })

  it.effect("stops at an event that gives reason for more than one commit holds", () => {
    const { log, over, proposed } = setUp()
    const orders = EventSource.memory("orders", [changed("1")])
    return over(
      Effect.gen(function* () {
        yield* start(Operator.make("many", { watch: orders, propose: (event) => times(1_001, event) }))
        assert.deepStrictEqual(proposed(), [])
        assert.strictEqual(
          log[0]?.fields["fibric.reason"],
          "it gives reason for 1001 actions, and 1000 go into one commit"
        )
      })
    )
  })
})

describe("an operator whose process dies", () => {
  it.effect(
    "has written the proposals and the move, or neither: its successor proposes nothing twice",
    () => {
      const { box, over, proposed } = setUp()
      const orders = EventSource.memory("orders", [changed("1"), changed("2")])
      const teller = telling(orders)
      return over(
        Effect.gen(function* () {
          // What was written is never answered: the process is as good as dead from then on.
          box.silent = true
          yield* start(teller)
          box.silent = false
          yield* start(teller)
          yield* orders.append(changed("3"))
          yield* TestClock.adjust("2 seconds")
          assert.deepStrictEqual(proposed(), ["1 shipped", "2 shipped", "3 shipped"])
        })
      )
    }
  )

  it.effect("proposes nothing twice either where a write landed and its answer was lost", () => {
    const { box, over, proposed } = setUp()
    const orders = EventSource.memory("orders", [changed("1")])
    box.answerLost = 1
    return over(
      Effect.gen(function* () {
        yield* start(telling(orders))
        yield* orders.append(changed("2"))
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(proposed(), ["1 shipped", "2 shipped"])
      })
    )
  })

  it.effect("is followed from the place that it kept, over a restart", () => {
    const { over, proposed } = setUp()
    const orders = EventSource.memory("orders", [changed("1")])
    return over(
      Effect.gen(function* () {
        const first = yield* start(telling(orders))
        yield* first.stop
        yield* orders.append(changed("2"))
        yield* start(telling(orders))
        assert.deepStrictEqual(proposed(), ["1 shipped", "2 shipped"])
      })
    )
  })
})

describe("replicas of an operator", () => {
  it.effect("answer each event once: who comes second reads on from the first one's place", () => {
    const { box, over, proposed } = setUp()
    const orders = EventSource.memory<Changed>("orders")
    // Both have read the events before either writes.
    const both = Latch.makeUnsafe(false)
    const slow = EventSource.make("orders", {
      ...orders,
      read: (after, limit) => Effect.tap(orders.read(after, limit), () => both.await)
    })
    const teller = telling(slow)
    return over(
      Effect.gen(function* () {
        yield* orders.append(changed("1"), changed("2"))
        yield* start(teller)
        yield* start(teller)
        yield* both.open
        yield* TestClock.adjust("1 second")
        yield* orders.append(changed("3"))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(proposed(), ["1 shipped", "2 shipped", "3 shipped"])
        // Each wrote in the belief to be the first.
        assert.strictEqual(box.writes.filter(({ move }) => move?.from === undefined).length, 2)
      })
    )
  })

  it.effect("are of one meaning: another operator with the name and the source is refused", () => {
    const { over } = setUp()
    const orders = EventSource.memory<Changed>("orders")
    return over(
      Effect.gen(function* () {
        const first = yield* start(telling(orders))
        const refused = yield* Effect.flip(start(telling(orders)))
        assert.strictEqual(refused.problem, "operator_taken")
        yield* first.stop
        yield* start(telling(orders))
      })
    )
  })

  it.effect("keep their name until the last of them has stopped", () => {
    const { over } = setUp()
    const orders = EventSource.memory<Changed>("orders")
    const teller = telling(orders)
    return over(
      Effect.gen(function* () {
        const first = yield* start(teller)
        const second = yield* start(teller)
        yield* first.stop
        assert.strictEqual((yield* Effect.flip(start(telling(orders)))).problem, "operator_taken")
        yield* second.stop
        yield* start(telling(orders))
      })
    )
  })
})

describe("an operator that can't go on", () => {
  it.effect("waits for room in the outbox, reads no further meanwhile, and says so", () => {
    const { log, over, proposed } = setUp({ capacity: 1 })
    const orders = EventSource.memory("orders", [changed("1", "a"), changed("2", "b"), changed("1", "c")])
    const all = Operator.make("all", { watch: orders, propose: tell })
    return over(
      Effect.gen(function* () {
        yield* start(all)
        // What stands before the full entity's second action was let through.
        assert.deepStrictEqual(proposed(), ["1 a", "2 b"])
        assert.deepStrictEqual(
          log.filter(({ event }) => event === "outbox_full").map(({ fields }) => fields["fibric.cursor"]),
          ["2"]
        )
        assert.strictEqual(yield* held, 1)
        yield* delivered
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(proposed(), ["1 a", "2 b", "1 c"])
        assert.strictEqual(yield* held, 0)
      })
    )
  })

  it.effect("tries again where the outbox or the source can't be reached, and says so each time", () => {
    const { box, log, over, proposed } = setUp()
    const orders = EventSource.memory("orders", [changed("1")])
    const broken: Array<Effect.Effect<never, EventSource.SourceUnavailable>> = [
      Effect.fail(new EventSource.SourceUnavailable({ source: "orders", reason: "connection refused" })),
      Effect.die(new Error("a bug in it"))
    ]
    const flaky = EventSource.make("orders", {
      read: (after, limit) => Effect.suspend(() => broken.shift() ?? orders.read(after, limit))
    })
    box.unreachable = 1
    return over(
      Effect.gen(function* () {
        yield* start(telling(flaky))
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(proposed(), ["1 shipped"])
        assert.deepStrictEqual(
          log.map(({ event, fields }) => [event, fields["fibric.reason"]]),
          [
            ["read_failed", "connection refused"],
            ["read_failed", "Error: a bug in it"],
            [
              "write_failed",
              'The ledger did not confirm "put": connection refused. Nothing is sent without its word; ask again when it is back.'
            ]
          ]
        )
        assert.strictEqual(yield* held, 0)
      })
    )
  })

  it.effect("does not wait for ever for a source that never answers", () => {
    const { log, over } = setUp()
    const silent = EventSource.make<Changed>("orders", { read: () => Effect.never })
    return over(
      Effect.gen(function* () {
        yield* start(telling(silent))
        yield* TestClock.adjust("31 seconds")
        assert.deepStrictEqual(
          log.map(({ event, fields }) => [event, fields["fibric.reason"]]),
          [["read_failed", "it has not answered for 30000 ms"]]
        )
      })
    )
  })

  it.effect("makes do with a source that gives more than it was asked for", () => {
    const { over, proposed } = setUp({ capacity: 2 })
    const all = ["1", "1", "1", "2"].map((order, index) => ({
      event: changed(order, `shipped ${index}`),
      cursor: String(index + 1)
    }))
    const generous = EventSource.make<Changed>("orders", {
      read: (after) => Effect.succeed(all.slice(Number(after ?? 0)))
    })
    return over(
      Effect.gen(function* () {
        yield* start(Operator.make("all", { watch: generous, propose: tell }))
        assert.deepStrictEqual(proposed(), ["1 shipped 0", "1 shipped 1"])
        yield* delivered
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(proposed().slice(2), ["1 shipped 2", "2 shipped 3"])
      })
    )
  })

  it.effect("takes half a minute at most between two tries", () => {
    const { log, over } = setUp()
    const away = EventSource.make<Changed>("orders", {
      read: () => Effect.fail(new EventSource.SourceUnavailable({ source: "orders", reason: "away" }))
    })
    return over(
      Effect.gen(function* () {
        yield* start(telling(away))
        yield* TestClock.adjust("2 minutes")
        const before = log.length
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(log.length - before, 10)
      })
    )
  })
})

describe("an operator whose propose throws", () => {
  const events = [changed("1"), changed("2", "unheard of"), changed("3")]
  const strict = (watch: EventSource.EventSource<Changed>) =>
    Operator.make("strict", {
      watch,
      propose: (event) => {
        if (event.status === "unheard of") throw new Error(`order ${event.order} is unheard of`)
        return tell(event)
      }
    })

  it.effect("stops at that event, and says at which place again and again", () => {
    const { log, over, proposed } = setUp()
    const orders = EventSource.memory("orders", events)
    return over(
      Effect.gen(function* () {
        yield* start(strict(orders))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(proposed(), ["1 shipped"])
        assert.strictEqual(yield* cursorOf("strict", "orders"), "1")
        const stops = log.filter(({ event }) => event === "stopped")
        assert.isAtLeast(stops.length, 5)
        assert.deepInclude(stops.at(-1)?.fields, {
          "fibric.operator": "strict",
          "fibric.source": "orders",
          "fibric.cursor": "1",
          "fibric.cursor.event": "2",
          "fibric.reason": "order 2 is unheard of"
        })
        assert.strictEqual(yield* held, 1)
      })
    )
  })

  it.effect("goes on with code that can read the event", () => {
    const { over, proposed } = setUp()
    const orders = EventSource.memory("orders", events)
    return over(
      Effect.gen(function* () {
        const process = yield* start(strict(orders))
        yield* process.stop
        yield* start(Operator.make("strict", { watch: orders, propose: tell }))
        assert.deepStrictEqual(proposed(), ["1 shipped", "2 unheard of", "3 shipped"])
        assert.strictEqual(yield* held, 0)
      })
    )
  })

  it.effect("goes on behind the event where a person says so, and behind no other one", () => {
    const { log, over, proposed } = setUp()
    const orders = EventSource.memory("orders", events)
    const operator = strict(orders)
    return over(
      Effect.gen(function* () {
        yield* start(operator)
        const asDana = Operator.as("dana")
        const refused = yield* Effect.flip(asDana(Operator.skip(operator, { cursor: "3", reason: "a test" })))
        assert.strictEqual(refused._tag, "NotStoppedThere")
        yield* asDana(Operator.skip(operator, { cursor: "2", reason: "a test order" }))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(proposed(), ["1 shipped", "3 shipped"])
        const again = yield* Effect.flip(asDana(Operator.skip(operator, { cursor: "2", reason: "a test" })))
        assert.strictEqual(again._tag, "NotStoppedThere")
        assert.strictEqual(yield* cursorOf("strict", "orders"), "3")
        assert.deepInclude(log.find(({ event }) => event === "skipped")?.fields, {
          "fibric.operator": "strict",
          "fibric.cursor.event": "2",
          "fibric.person": "dana",
          "fibric.reason": "a test order"
        })
      })
    )
  })

  it.effect("stops as well where what it proposes could not be performed or stored", () => {
    const { log, over, proposed } = setUp()
    const orders = EventSource.memory("orders", [
      changed("1", "so much that nobody reads it"),
      changed("", "x")
    ])
    const Whisper = Capability.make("whisper", {
      entity: Order,
      payload: { pin: Schema.String },
      success: Schema.Void,
      occasion: () => "once",
      recovery: Recovery.hold,
      deadline: "1 second"
    })
    return over(
      Effect.gen(function* () {
        const first = yield* start(Operator.make("all", { watch: orders, propose: tell }))
        yield* first.stop
        yield* start(
          Operator.make("whisperer", {
            watch: orders,
            propose: () => Whisper.propose(Order.at("1"), { pin: "1234" })
          })
        )
        assert.deepStrictEqual(proposed(), [])
        const reasons = log.map(({ fields }) => String(fields["fibric.reason"]))
        assert.match(reasons[0] ?? "", /^The payload for "tell" was not accepted/)
        assert.match(reasons.at(-1) ?? "", /^Nothing was proposed: .*"whisper".* leaves out pin/)
      })
    )
  })
})

describe("an operator's name", () => {
  it.effect("is refused at start where it can't be stored", () => {
    const { over } = setUp()
    return over(
      Effect.gen(function* () {
        const nobody = Operator.make("", { watch: EventSource.memory<Changed>("orders"), propose: tell })
        assert.strictEqual((yield* Effect.flip(start(nobody))).problem, "operator_unnamed")
        const nothing = Operator.make("teller", {
          watch: EventSource.memory<Changed>("\u0000"),
          propose: tell
        })
        assert.strictEqual((yield* Effect.flip(start(nothing))).problem, "operator_unnamed")
      })
    )
  })
})

describe("a source that gives an event no place of its own", () => {
  it.effect("is stopped at, and not answered for ever", () => {
    const { log, over, proposed } = setUp()
    const stuck = EventSource.make<Changed>("orders", {
      read: () => Effect.succeed([{ event: changed("1"), cursor: "here" }])
    })
    return over(
      Effect.gen(function* () {
        yield* start(telling(stuck))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(proposed(), ["1 shipped"])
        assert.strictEqual(log.at(-1)?.event, "stopped")
      })
    )
  })
})
