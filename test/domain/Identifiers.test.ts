import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Identifiers } from "fibric"

const uuid = (version: string) =>
  new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

/** A source that gives the same bytes each time. */
const of = (byte: number) =>
  Effect.provideService(Identifiers.Source, {
    uuid4: () => "00000000-0000-4000-8000-000000000000",
    bytes: (size) => new Uint8Array(size).fill(byte)
  })

describe("an ordered id", () => {
  it.effect("is a UUID of version 7", () =>
    Effect.gen(function* () {
      assert.match(yield* Identifiers.ordered, uuid("7"))
    })
  )

  it.effect("begins with the clock's milliseconds, 48 bits of them, and the rest is random", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(0x0190_abcd_ef12)
      assert.strictEqual(yield* of(0x00)(Identifiers.ordered), "0190abcd-ef12-7000-8000-000000000000")
      assert.strictEqual(yield* of(0xff)(Identifiers.ordered), "0190abcd-ef12-7fff-bfff-ffffffffffff")
    })
  )

  it.effect("fits the first and the last instant that 48 bits have", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(0)
      assert.strictEqual(yield* of(0x00)(Identifiers.ordered), "00000000-0000-7000-8000-000000000000")
      yield* TestClock.setTime(2 ** 48 - 1)
      assert.strictEqual(yield* of(0x00)(Identifiers.ordered), "ffffffff-ffff-7000-8000-000000000000")
    })
  )

  it.effect("sorts after all that were made a millisecond before", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_767_225_600_000)
      const before = yield* of(0xff)(Identifiers.ordered)
      yield* TestClock.adjust(1)
      const after = yield* of(0x00)(Identifiers.ordered)
      assert.isBelow(before < after ? -1 : 1, 0)
    })
  )

  it.effect("is never the same twice, within one millisecond too", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.replicateEffect(Identifiers.ordered, 1_000)
      assert.strictEqual(new Set(ids).size, 1_000)
    })
  )

  it.effect("leaves the source's own bytes as they are", () =>
    Effect.gen(function* () {
      const own = new Uint8Array(16).fill(0xaa)
      const source = { uuid4: () => "", bytes: () => own }
      yield* Effect.provideService(Identifiers.ordered, Identifiers.Source, source)
      assert.deepStrictEqual(own, new Uint8Array(16).fill(0xaa))
    })
  )
})

describe("a token", () => {
  it.effect("is a random UUID, never the same twice", () =>
    Effect.gen(function* () {
      const tokens = yield* Effect.replicateEffect(Identifiers.token, 1_000)
      for (const token of tokens) assert.match(token, uuid("4"))
      assert.strictEqual(new Set(tokens).size, 1_000)
    })
  )

  it.effect("comes from the injected source", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* of(0x00)(Identifiers.token), "00000000-0000-4000-8000-000000000000")
    })
  )
})
