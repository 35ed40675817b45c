import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { TestClock } from "effect/testing"
import { EventSource, execute, Operator, Outbox, ReceiptLog } from "fibric"
import { cursorOf, Order, Ring, setUp, start, Tell } from "./fixtures.ts"

describe("an operator that watches a cron source", () => {
  const quarterly = () =>
    Operator.make("reporter", {
      watch: EventSource.cron("quarterly", "*/15 * * * *"),
      propose: ({ at }) => Tell.propose(Order.at("all"), { what: DateTime.formatIso(at).slice(11, 16) })
    })

  it.effect("acts on each instant once, over a restart and beside a replica", () => {
    const { over, proposed } = setUp()
    const first = quarterly()
    return over(
      Effect.gen(function* () {
        const one = yield* start(first)
        const other = yield* start(first)
        yield* TestClock.adjust("31 minutes")
        yield* one.stop
        yield* other.stop
        assert.deepStrictEqual(proposed(), ["all 00:15", "all 00:30"])
        yield* start(quarterly())
        yield* TestClock.adjust("15 minutes")
        assert.deepStrictEqual(proposed(), ["all 00:15", "all 00:30", "all 00:45"])
      })
    )
  })

  it.effect("knows what it missed from its first look on, although nothing was due before it stopped", () => {
    const { over, proposed } = setUp()
    return over(
      Effect.gen(function* () {
        const process = yield* start(quarterly())
        yield* process.stop
        yield* TestClock.adjust("40 minutes")
        yield* start(quarterly())
        assert.deepStrictEqual(proposed(), ["all 00:30"])
      })
    )
  })
})

describe("an operator that watches the receipts", () => {
  const ring = (order: string) => Effect.flip(execute(Ring.propose(Order.at(order), { bell: "front" })))

  it.effect("tells of what fell in doubt after it began", () => {
    const { over, proposed } = setUp()
    return over(
      Effect.gen(function* () {
        yield* ring("1")
        yield* start(
          Operator.make("watchman", {
            watch: EventSource.receipts({ outcomes: ["in_doubt"] }),
            propose: ({ entity, outcome }) => Tell.propose(Order.at(entity.id), { what: outcome })
          })
        )
        yield* ring("2")
        yield* execute(Tell.propose(Order.at("3"), { what: "shipped" }))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(proposed(), ["2 in_doubt"])
      })
    )
  })

  it.effect("reads them all where it is told to begin at the start", () => {
    const { over, proposed } = setUp()
    return over(
      Effect.gen(function* () {
        yield* ring("1")
        yield* start(
          Operator.make("watchman", {
            watch: EventSource.receipts({}, { from: "start" }),
            propose: ({ entity, outcome }) => Tell.propose(Order.at(entity.id), { what: outcome })
          })
        )
        assert.deepStrictEqual(proposed(), ["1 in_doubt"])
      })
    )
  })

  it.effect(
    "never meets the receipts of its own actions, each of which would be a reason for the next",
    () => {
      const { over, proposed, shop } = setUp({ delivers: true })
      return over(
        Effect.gen(function* () {
          yield* start(
            Operator.make("echo", {
              watch: EventSource.receipts(),
              propose: ({ id }) => Tell.propose(Order.at("9"), { what: id.slice(-12) })
            })
          )
          yield* ring("1")
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(shop.told.length, 1)
          assert.strictEqual(proposed().length, 1)
        })
      )
    }
  )

  it.effect("is let go on behind a person's receipt by that person, and past its own before it", () => {
    const { over } = setUp()
    const watchman = Operator.make("watchman", {
      watch: EventSource.receipts({}, { from: "start" }),
      propose: ({ entity, outcome }) => {
        if (outcome === "in_doubt") throw new Error("nobody was told what to do then")
        return Tell.propose(Order.at(entity.id), { what: outcome })
      }
    })
    return over(
      Effect.gen(function* () {
        yield* execute(Tell.propose(Order.at("1"), { what: "shipped" })).pipe(Operator.as("watchman"))
        yield* ring("2").pipe(Operator.as("dana"))
        const { cursor } = yield* (yield* ReceiptLog).after("start", {}, 10)
        yield* Operator.skip(watchman, { cursor, reason: "settled" }).pipe(Operator.as("dana"))
        assert.strictEqual(yield* cursorOf("watchman", "receipts"), cursor)
      })
    )
  })

  it.effect("keeps from time to time how far it has read, also where nothing is wanted", () => {
    const { box, over } = setUp()
    return over(
      Effect.gen(function* () {
        yield* start(
          Operator.make("watchman", {
            watch: EventSource.receipts({ outcomes: ["conflict"] }),
            propose: () => []
          })
        )
        const begun = yield* cursorOf("watchman", "receipts")
        assert.isDefined(begun)
        yield* ring("1")
        yield* TestClock.adjust("15 seconds")
        assert.notStrictEqual(yield* cursorOf("watchman", "receipts"), begun)
        const writes = box.writes.length
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(box.writes.length, writes)
      })
    )
  })

  it.effect("says so where its cursor is none of this ledger's", () => {
    const { log, over } = setUp()
    return over(
      Effect.gen(function* () {
        const { put } = yield* Outbox.Outbox
        yield* put([], { operator: "watchman", source: "receipts", from: undefined, to: "elsewhere" })
        yield* start(Operator.make("watchman", { watch: EventSource.receipts(), propose: () => [] }))
        assert.strictEqual(log[0]?.event, "read_failed")
        assert.include(String(log[0]?.fields["fibric.reason"]), "This is no cursor of this ledger")
      })
    )
  })
})

describe("a memory source", () => {
  it.effect("can't be read from a cursor that it never gave", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(EventSource.memory("orders").read("x", 1))
      assert.include(error.message, '"x" is no cursor of it')
    })
  )
})
