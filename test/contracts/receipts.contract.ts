/**
 * The contract of reading receipts: what a filter finds, pages that hold still, and a stream that skips and
 * repeats nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, type Layer, Stream } from "effect"
import type { ReceiptFilter } from "../../src/domain/ReceiptFilter.ts"
import { IdempotencyKey } from "../../src/domain/IdempotencyKey.ts"
import type { Ledger } from "../../src/kernel/Ledger.ts"
import { type QueryOptions, ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import { tail } from "../../src/kernel/Tail.ts"
import { claimed, keyOf, performed, recordAll, refused, repeatOf, settle } from "./keys.ts"

type Services = Ledger | ReceiptLog

const query = Effect.fnUntraced(function* (filter: ReceiptFilter, options?: QueryOptions) {
  const log = yield* ReceiptLog
  return yield* log.query(filter, options)
})

/** What a filter finds, the oldest first, in a form that is short to compare. */
const found = (filter: ReceiptFilter) =>
  Effect.map(query(filter, { order: "oldest" }), ({ receipts }) =>
    receipts.map(({ count, key, outcome }) => `${key} ${outcome} ${count}`)
  )

/** So many repeats of a key, counting up from 1 so that each can be told. */
const counted = Effect.fnUntraced(function* (key: IdempotencyKey, from: number, to: number) {
  for (let count = from; count <= to; count++) yield* recordAll([yield* repeatOf(key, "deduplicated", count)])
})

/** All pages of a filter, and what happens between the first and the second. */
const pages = Effect.fnUntraced(function* (
  options: Omit<QueryOptions, "cursor">,
  between: Effect.Effect<unknown, unknown, Services>
) {
  const counts: Array<number> = []
  let cursor: string | undefined
  do {
    const { next, receipts } = yield* query({}, { ...options, cursor })
    counts.push(...receipts.map(({ count }) => count))
    if (cursor === undefined) yield* between
    cursor = next ?? undefined
  } while (cursor !== undefined)
  return counts
})

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** `readable` waits until what was written can be streamed. */
export const receiptsContract = <R>(
  name: string,
  layer: Layer.Layer<Services | R, unknown>,
  readable: Effect.Effect<unknown, unknown, R>
): void => {
  const law = (sentence: string, body: () => Effect.Effect<void, unknown, Services | R>) =>
    it.live(sentence, () => Effect.provide(body(), layer))

  describe(`${name}: what a filter finds`, () => {
    const written = Effect.gen(function* () {
      yield* settle(yield* claimed(keyOf("1")), performed)
      yield* settle(yield* claimed(keyOf("2"), { operator: "agent-7" }), refused)
      yield* settle(yield* claimed(keyOf("1", "packed")), performed)
      yield* recordAll([yield* repeatOf(keyOf("1"), "deduplicated", 5)])
      const other = new IdempotencyKey("unlock", { type: "door", id: "12" }, "once")
      yield* recordAll([yield* repeatOf(other, "saturated", 2)])
    })

    const finds = (sentence: string, filter: ReceiptFilter, expected: ReadonlyArray<string>) =>
      law(sentence, () =>
        Effect.gen(function* () {
          yield* written
          assert.deepStrictEqual(yield* found(filter), expected)
        })
      )

    const all = [
      "notify:order-1:shipped performed 1",
      "notify:order-2:shipped refused 1",
      "notify:order-1:packed performed 1",
      "notify:order-1:shipped deduplicated 5",
      "unlock:door-12:once saturated 2"
    ] as const

    finds("everything, where nothing is named", {}, all)
    finds("a key by its label", { key: "notify:order-1:shipped" }, [all[0], all[3]])
    finds("a key by its hash", { key: Buffer.from(keyOf("2").hash).toString("hex") }, [all[1]])
    finds("an entity by its label", { entity: "order-1" }, [all[0], all[2], all[3]])
    finds("an operator", { operator: "agent-7" }, [all[1]])
    finds("a capability", { capability: "unlock" }, [all[4]])
    finds("several outcomes", { outcomes: ["refused", "saturated"] }, [all[1], all[4]])
    finds("what all of it is true of", { entity: "order-1", outcomes: ["performed"] }, [all[0], all[2]])
    finds("nothing, where no key or entity can have the name", { key: "notify", entity: "order" }, [])

    law("a label that two keys share finds both", () =>
      Effect.gen(function* () {
        yield* recordAll([yield* repeatOf(keyOf("4-71"), "saturated", 1)])
        yield* recordAll([yield* repeatOf(keyOf("71", "shipped", "order-4"), "saturated", 2)])
        const label = "notify:order-4-71:shipped"
        assert.deepStrictEqual(yield* found({ key: label }), [`${label} saturated 1`, `${label} saturated 2`])
        assert.deepStrictEqual(yield* found({ entity: "order-4-71" }), yield* found({ key: label }))
      })
    )

    law("an entity by its label, also where its type has a character of two units", () =>
      Effect.gen(function* () {
        yield* recordAll([yield* repeatOf(keyOf("7", "shipped", "🎁-box"), "saturated", 1)])
        assert.deepStrictEqual(yield* found({ entity: "🎁-box-7" }), ["notify:🎁-box-7:shipped saturated 1"])
      })
    )

    law("a time from which on, and one before which", () =>
      Effect.gen(function* () {
        yield* written
        const { receipts } = yield* query({}, { order: "oldest" })
        const [first, second] = receipts
        if (first === undefined || second === undefined) return assert.fail("nothing was written")
        const since = DateTime.isLessThan(first.at, second.at)
          ? second.at
          : DateTime.add(first.at, { seconds: 1 })
        const late = receipts.filter(({ at }) => !DateTime.isLessThan(at, since))
        assert.deepStrictEqual((yield* query({ since }, { order: "oldest" })).receipts, late)
        const early = receipts.filter(({ at }) => DateTime.isLessThan(at, since))
        assert.deepStrictEqual((yield* query({ until: since }, { order: "oldest" })).receipts, early)
      })
    )

    law("a receipt by its id, and nothing by what is none", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        yield* written
        const [newest] = (yield* query({})).receipts
        assert.deepStrictEqual(yield* log.byId(newest?.id ?? ""), newest)
        assert.isUndefined(yield* log.byId("0190abcd-ef12-7000-8000-000000000001"))
        assert.isUndefined(yield* log.byId("' OR true --"))
      })
    )
  })

  describe(`${name}: pages`, () => {
    for (const order of ["oldest", "newest"] as const) {
      law(`the ${order} first: every receipt once, though others are written meanwhile`, () =>
        Effect.gen(function* () {
          yield* counted(keyOf("1"), 1, 10)
          const counts = yield* pages({ order, limit: 3 }, counted(keyOf("1"), 11, 14))
          assert.deepStrictEqual(counts, order === "oldest" ? upTo(10) : upTo(10).toReversed())
        })
      )
    }

    law("the last one, and one that is full and the last, have no next", () =>
      Effect.gen(function* () {
        yield* counted(keyOf("1"), 1, 3)
        assert.isNull((yield* query({}, { limit: 3 })).next)
        assert.isNull((yield* query({}, { limit: 1_000_000 })).next)
        assert.isNotNull((yield* query({}, { limit: 0 })).next)
      })
    )

    law("a cursor that is none is refused", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        for (const cursor of ["", "x", Buffer.from(`{"transaction":"1"}`).toString("base64url")]) {
          const refused = yield* Effect.flip(query({}, { cursor }))
          assert.deepInclude(refused, { _tag: "CursorUnusable", problem: "malformed" })
          assert.deepInclude(yield* Effect.flip(log.after(cursor, {}, 1)), { problem: "malformed" })
        }
      })
    )
  })

  describe(`${name}: the stream`, () => {
    law("shows from the start what was written, and goes on with what is written", () =>
      Effect.gen(function* () {
        yield* counted(keyOf("1"), 1, 3)
        const counts = yield* tail({ from: "start" }).pipe(
          Stream.tap(({ receipt }) => (receipt.count === 3 ? counted(keyOf("2"), 4, 6) : Effect.void)),
          Stream.take(6),
          Stream.runCollect
        )
        assert.deepStrictEqual(
          counts.map(({ receipt }) => receipt.count),
          upTo(6)
        )
      })
    )

    law("goes on after the cursor of any of its receipts", () =>
      Effect.gen(function* () {
        yield* counted(keyOf("1"), 1, 5)
        const seen = yield* Stream.runCollect(Stream.take(tail({ from: "start" }), 5))
        for (const { cursor, receipt } of seen.slice(0, -1)) {
          const next = yield* Stream.runCollect(Stream.take(tail({ from: cursor }), 1))
          assert.deepStrictEqual(
            next.map((change) => change.receipt.count),
            [receipt.count + 1]
          )
        }
      })
    )

    law("from now on shows nothing of what was before", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        yield* counted(keyOf("1"), 1, 2)
        yield* readable
        const { changes, cursor, isCaughtUp } = yield* log.after("now", {}, 10)
        assert.deepStrictEqual([changes, isCaughtUp], [[], true])
        yield* counted(keyOf("1"), 3, 3)
        yield* readable
        const after = yield* log.after(cursor, {}, 10)
        assert.deepStrictEqual(
          after.changes.map(({ receipt }) => receipt.count),
          [3]
        )
      })
    )

    law("shows what its filter wants, and moves on past the rest", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        yield* counted(keyOf("1"), 1, 2)
        yield* counted(keyOf("2"), 3, 3)
        const filter = { entity: "order-2" }
        yield* readable
        const first = yield* log.after("start", filter, 10)
        assert.deepStrictEqual(
          first.changes.map(({ receipt }) => receipt.count),
          [3]
        )
        const second = yield* log.after(first.cursor, filter, 10)
        assert.deepStrictEqual(second.changes, [])
        yield* counted(keyOf("2"), 4, 4)
        yield* readable
        const third = yield* log.after(second.cursor, filter, 10)
        assert.deepStrictEqual(
          third.changes.map(({ receipt }) => receipt.count),
          [4]
        )
      })
    )
  })
}
