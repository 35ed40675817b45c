import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { TestClock } from "effect/testing"
import { EventSource } from "fibric"

/** Reads on from a cursor: the instants as UTC, and where to go on. */
const readOn = (source: EventSource.EventSource<EventSource.Due>, after: string | undefined, limit = 100) =>
  Effect.map(source.read(after, limit), (entries) => ({
    at: entries
      .filter(EventSource.isOccurrence)
      .map(({ event }) => DateTime.formatIso(event.at).slice(0, 16)),
    cursor: entries.at(-1)?.cursor ?? after
  }))

const setTime = (iso: string) => TestClock.setTime(Date.parse(iso))

describe("a cron source", () => {
  const nightly = EventSource.cron("nightly", "0 3 * * *")

  it.effect("begins with the first instant after the first look, and says where that was", () =>
    Effect.gen(function* () {
      yield* setTime("2026-01-05T03:00:00Z")
      assert.deepStrictEqual(yield* nightly.read(undefined, 10), [{ cursor: "2026-01-05T03:00:00.000Z" }])
      assert.deepStrictEqual(yield* nightly.read("2026-01-05T03:00:00.000Z", 10), [])
      yield* setTime("2026-01-06T02:59:59.999Z")
      assert.deepStrictEqual(yield* nightly.read("2026-01-05T03:00:00.000Z", 10), [])
      yield* setTime("2026-01-06T03:00:00Z")
      assert.deepStrictEqual(yield* readOn(nightly, "2026-01-05T03:00:00.000Z"), {
        at: ["2026-01-06T03:00"],
        cursor: "2026-01-06T03:00:00.000Z"
      })
    })
  )

  it.effect("gives each instant once, over restarts: the instant is the cursor", () =>
    Effect.gen(function* () {
      yield* setTime("2026-01-06T05:00:00Z")
      const { cursor } = yield* readOn(nightly, "2026-01-05T12:00:00.000Z")
      assert.deepStrictEqual(yield* readOn(EventSource.cron("nightly", "0 3 * * *"), cursor), {
        at: [],
        cursor
      })
      // A clock that is set back makes none come again.
      yield* setTime("2026-01-06T02:00:00Z")
      assert.deepStrictEqual(yield* readOn(nightly, cursor), { at: [], cursor })
      yield* setTime("2026-01-06T04:00:00Z")
      assert.deepStrictEqual(yield* readOn(nightly, cursor), { at: [], cursor })
    })
  )

  it.effect("makes up for the latest instant that was missed, and says since when", () =>
    Effect.gen(function* () {
      yield* setTime("2026-01-09T12:00:00Z")
      const due = (yield* nightly.read("2026-01-05T03:00:00.000Z", 10)).find(EventSource.isOccurrence)
      assert.strictEqual(due?.cursor, "2026-01-09T03:00:00.000Z")
      assert.strictEqual(due && DateTime.formatIso(due.event.since), "2026-01-05T03:00:00.000Z")
    })
  )

  it.effect("makes up for as many as it is told to, the oldest of them first", () =>
    Effect.gen(function* () {
      const three = EventSource.cron("nightly", "0 3 * * *", { missed: 3 })
      yield* setTime("2026-01-09T12:00:00Z")
      const all = ["2026-01-07T03:00", "2026-01-08T03:00", "2026-01-09T03:00"]
      assert.deepStrictEqual((yield* readOn(three, "2026-01-01T03:00:00.000Z")).at, all)
      assert.deepStrictEqual((yield* readOn(three, "2026-01-07T03:00:00.000Z")).at, all.slice(1))
      const some = yield* readOn(three, "2026-01-01T03:00:00.000Z", 2)
      assert.deepStrictEqual(some.at, all.slice(0, 2))
      assert.deepStrictEqual((yield* readOn(three, some.cursor, 2)).at, all.slice(2))
    })
  )

  it.effect("is bounded where everything was missed for a year", () =>
    Effect.gen(function* () {
      const often = EventSource.cron("often", "* * * * *", { missed: 1e9 })
      yield* setTime("2027-01-01T00:00:00Z")
      const { at } = yield* readOn(often, "2026-01-01T00:00:00.000Z", 5_000)
      assert.strictEqual(at.length, 1_000)
      assert.strictEqual(at.at(-1), "2027-01-01T00:00")
    })
  )

  it.effect("says when to look again", () =>
    Effect.gen(function* () {
      yield* setTime("2026-01-05T02:59:00Z")
      const waiting = yield* Effect.forkChild(nightly.changed ?? Effect.never)
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.isDefined(waiting.pollUnsafe())
    })
  )

  it.effect("can't be read from a cursor that is no instant", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(nightly.read("soon", 10))
      assert.include(error.message, 'its cursor "soon" is no instant')
    })
  )

  it("throws where its expression can't be read or never comes", () => {
    assert.throws(() => EventSource.cron("nightly", "every night"))
    assert.throws(() => EventSource.cron("nightly", "0 3 30 2 *"))
    assert.throws(() => EventSource.cron("nightly", "0 3 * * *", { timezone: "Europe/Nowhere" }))
  })
})

describe("a cron source in a time zone", () => {
  /** What comes between two instants, looked at every 10 minutes as by a runner. */
  const between = Effect.fnUntraced(function* (
    source: EventSource.EventSource<EventSource.Due>,
    from: string,
    to: string
  ) {
    const found: Array<string> = []
    let cursor: string | undefined
    for (let now = Date.parse(from); now <= Date.parse(to); now += 600_000) {
      yield* TestClock.setTime(now)
      const read = yield* readOn(source, cursor)
      found.push(...read.at)
      cursor = read.cursor
    }
    return found
  })
  const berlin = (expression: string, options: EventSource.CronOptions = {}) =>
    EventSource.cron("berlin", expression, { timezone: "Europe/Berlin", ...options })

  it.effect("comes on the night when clocks are set forward, too: as much later as they are set", () =>
    Effect.gen(function* () {
      const days = yield* between(berlin("30 2 * * *"), "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z")
      assert.deepStrictEqual(days, ["2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30"])
    })
  )

  it.effect("comes once on the night when clocks are set back", () =>
    Effect.gen(function* () {
      const days = yield* between(berlin("30 2 * * *"), "2026-10-24T00:00:00Z", "2026-10-26T12:00:00Z")
      assert.deepStrictEqual(days, ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"])
    })
  )

  it.effect("comes in each of the two hours that are called the same, where it is told to", () =>
    Effect.gen(function* () {
      const night = ["2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z"] as const
      assert.deepStrictEqual(yield* between(berlin("0 * * * *"), ...night), [
        "2026-10-25T00:00",
        "2026-10-25T02:00"
      ])
      assert.deepStrictEqual(yield* between(berlin("0 * * * *", { onDstOverlap: "both" }), ...night), [
        "2026-10-25T00:00",
        "2026-10-25T01:00",
        "2026-10-25T02:00"
      ])
    })
  )

  it.effect("gives the instant with its date there", () =>
    Effect.gen(function* () {
      yield* setTime("2026-06-30T22:30:00Z")
      const midnight = berlin("0 0 * * *")
      const due = (yield* midnight.read("2026-06-30T12:00:00.000Z", 1)).find(EventSource.isOccurrence)
      assert.strictEqual(due && DateTime.formatIsoDate(due.event.at), "2026-07-01")
    })
  )
})

describe("a cron source that is looked at seldom", () => {
  it.effect("gives what it would have given to somebody who looks often", () => {
    const hours = ["2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z"].map(Date.parse)
    return Effect.gen(function* () {
      for (const [start = 0, expression, onDstOverlap] of hours.flatMap((hour) =>
        ["*/20 1-3 * * *", "30 2 * * *", "0 * * * *"].flatMap((expression) =>
          (["earlier", "later", "both"] as const).map((rule) => [hour, expression, rule] as const)
        )
      )) {
        const source = EventSource.cron("nightly", expression, {
          timezone: "Europe/Berlin",
          missed: 1_000,
          onDstOverlap
        })
        const often: Array<string> = []
        const begun = new Date(start).toISOString()
        let cursor = begun
        for (let minutes = 0; minutes <= 36 * 60; minutes += 10) {
          yield* TestClock.setTime(start + minutes * 60_000)
          for (const entry of yield* source.read(cursor, 10)) often.push((cursor = entry.cursor))
        }
        const seldom = (yield* source.read(begun, 1_000)).map(({ cursor }) => cursor)
        assert.deepStrictEqual(seldom, often, `${expression}, ${onDstOverlap}`)
      }
    })
  })
})

describe("a source of every so often", () => {
  it.effect("gives the same instants to all who read it", () =>
    Effect.gen(function* () {
      const every = EventSource.every("quarterly", "15 minutes", { missed: 2 })
      yield* setTime("2026-01-05T12:20:00Z")
      assert.deepStrictEqual((yield* readOn(every, "2026-01-05T11:07:00.000Z")).at, [
        "2026-01-05T12:00",
        "2026-01-05T12:15"
      ])
      yield* setTime("2026-01-05T12:30:00Z")
      assert.deepStrictEqual((yield* readOn(every, "2026-01-05T12:15:00.000Z")).at, ["2026-01-05T12:30"])
      assert.deepStrictEqual((yield* readOn(every, "2026-01-05T12:30:00.000Z")).at, [])
    })
  )

  it("throws where the interval is none", () => {
    for (const interval of [0, -1, 0.5, "Infinity"] as const) {
      assert.throws(() => EventSource.every("never", interval), /the interval is/)
    }
  })
})
