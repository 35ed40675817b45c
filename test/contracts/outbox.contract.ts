/**
 * The contract of the outbox: what is put is taken in order, one of an entity at a time, until it has ended;
 * what is said too late changes nothing; and nothing is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, type Layer } from "effect"
import { type Delivered, Outbox, type Proposal, type Taken } from "../../src/kernel/Outbox.ts"
import { outboxCapacity } from "./keys.ts"

const proposal = (id: string, what: string, changes: Partial<Proposal> = {}): Proposal => ({
  capability: "notify",
  entity: { type: "order", id },
  payload: { what },
  decidedAt: undefined,
  operator: "shipping",
  dueAt: undefined,
  ...changes
})

const put = (...proposals: ReadonlyArray<Proposal>) =>
  Effect.flatMap(Outbox, (outbox) => outbox.put(proposals))

const leaseMillis = 60_000
const take = Effect.fnUntraced(function* (
  options: {
    readonly limit?: number
    readonly leaseMillis?: number
    readonly capabilities?: ReadonlyArray<string>
  } = {}
) {
  const outbox = yield* Outbox
  return yield* outbox.take(
    options.capabilities ?? ["notify"],
    options.limit ?? 100,
    options.leaseMillis ?? leaseMillis
  )
})

/** The one row that there is to take. */
const takeOne = Effect.fnUntraced(function* (lease = leaseMillis) {
  const [taken, ...more] = yield* take({ leaseMillis: lease })
  assert.deepStrictEqual(more, [])
  return taken ?? (yield* Effect.die("there was nothing to take"))
})

const whatOf = (taken: ReadonlyArray<Taken>) =>
  taken.map(({ entity, payload }) => `${entity.id} ${(payload as { readonly what: string }).what}`).toSorted()

const say = Effect.fnUntraced(function* (taken: Taken, delivered: Delivered) {
  const outbox = yield* Outbox
  yield* outbox.deliver([{ taken, delivered }])
})

const end: Delivered = { _tag: "End", outcome: "performed", receipt: null }
const again = (afterMillis: number): Delivered => ({ _tag: "Again", afterMillis, reason: "in doubt" })
const failed = (afterMillis: number): Delivered => ({ _tag: "Failed", afterMillis, reason: "no connection" })
const bury: Delivered = { _tag: "Bury", reason: "it does not fit" }

/** Takes and ends rows until there is nothing more to take; in the order of taking. */
const drained = Effect.gen(function* () {
  const all: Array<string> = []
  while (true) {
    const taken = yield* take()
    if (taken.length === 0) return all
    all.push(...whatOf(taken))
    for (const row of taken) yield* say(row, end)
  }
})

const soon = DateTime.makeUnsafe(Date.UTC(2500, 0, 1))
const longAgo = DateTime.makeUnsafe(Date.UTC(2020, 0, 1))

export const outboxContract = <R>(name: string, layer: Layer.Layer<Outbox | R, unknown>): void => {
  const law = (sentence: string, body: () => Effect.Effect<void, unknown, Outbox | R>) =>
    it.live(sentence, () => Effect.provide(body(), layer))

  describe(`${name}: what is put`, () => {
    law("is taken as it was put, under a position that rises", () =>
      Effect.gen(function* () {
        const payload = {
          what: "x",
          text: "half a pair \ud800, NUL \u0000, and ✓",
          deep: [1, null, { a: true }]
        }
        const given = proposal("1", "x", { payload, decidedAt: 7, dueAt: longAgo, operator: "agent-7" })
        const [first, second] = yield* put(given, proposal("2", "y"))
        assert.isTrue(first !== undefined && second !== undefined && first < second)
        const taken = (yield* take()).find(({ entity }) => entity.id === "1")
        const { delivery, failures, position, token, ...rest } = taken ?? (yield* Effect.die("not taken"))
        assert.deepStrictEqual(
          { ...rest, dueAt: rest.dueAt && DateTime.formatIso(rest.dueAt) },
          { ...given, dueAt: DateTime.formatIso(longAgo) }
        )
        assert.deepStrictEqual(
          { delivery, failures, position },
          { delivery: 1, failures: 0, position: first }
        )
        assert.isAbove(token.length, 30)
      })
    )

    law("goes on in an entity in the order in which it was put", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "a"), proposal("1", "b"), proposal("1", "c"))
        yield* put(proposal("1", "d"))
        assert.deepStrictEqual(yield* drained, ["1 a", "1 b", "1 c", "1 d"])
      })
    )

    law("is all or nothing where an entity has as many waiting as it may", () =>
      Effect.gen(function* () {
        yield* put(...["a", "b", "c", "d"].map((what) => proposal("1", what)))
        const error = yield* Effect.flip(put(proposal("2", "x"), proposal("1", "e"), proposal("1", "f")))
        assert.strictEqual(error._tag === "OutboxFull" && error.entity, "order-1")
        assert.strictEqual(error._tag === "OutboxFull" && error.capacity, outboxCapacity)
        assert.deepStrictEqual(yield* drained, ["1 a", "1 b", "1 c", "1 d"])
        yield* put(proposal("1", "e"))
        assert.deepStrictEqual(yield* drained, ["1 e"])
      })
    )

    law("may be nothing", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* put(), [])
        assert.deepStrictEqual(yield* take(), [])
      })
    )
  })

  describe(`${name}: taking`, () => {
    law("gives one row of each entity, and no other one until that has ended", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "a"), proposal("1", "b"), proposal("2", "c"))
        const taken = yield* take()
        assert.deepStrictEqual(whatOf(taken), ["1 a", "2 c"])
        assert.deepStrictEqual(yield* take(), [])
        for (const row of taken) yield* say(row, end)
        assert.deepStrictEqual(whatOf(yield* take()), ["1 b"])
      })
    )

    law("gives at most as many entities as are wanted, and later the others", () =>
      Effect.gen(function* () {
        yield* put(...["1", "2", "3"].map((id) => proposal(id, "a")))
        const first = yield* take({ limit: 2 })
        const second = yield* take({ limit: 2 })
        assert.deepStrictEqual([first.length, second.length], [2, 1])
        assert.deepStrictEqual(whatOf([...first, ...second]), ["1 a", "2 a", "3 a"])
      })
    )

    law("leaves what others carry out, and what comes after it in its entity", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "a", { capability: "remind" }), proposal("1", "b"), proposal("2", "c"))
        assert.deepStrictEqual(whatOf(yield* take()), ["2 c"])
        assert.deepStrictEqual(yield* take(), [])
        const [reminder] = yield* take({ capabilities: ["remind", "other"] })
        assert.strictEqual(reminder?.entity.id, "1")
        if (reminder !== undefined) yield* say(reminder, end)
        assert.deepStrictEqual(whatOf(yield* take()), ["1 b"])
      })
    )

    law("does not take what is not due, and does not wait for it either", () =>
      Effect.gen(function* () {
        yield* put(
          proposal("1", "later", { dueAt: soon }),
          proposal("1", "now"),
          proposal("2", "later", { dueAt: soon })
        )
        assert.deepStrictEqual(yield* drained, ["1 now"])
        yield* put(proposal("1", "more"))
        assert.deepStrictEqual(yield* drained, ["1 more"])
      })
    )

    law("takes what is due although a later one that is not was put after somebody else had looked", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "now"))
        assert.deepStrictEqual(yield* take({ capabilities: ["remind"] }), [])
        yield* put(proposal("1", "later", { dueAt: soon }))
        assert.deepStrictEqual(yield* drained, ["1 now"])
      })
    )

    law("goes by the position among what is due", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "a"), proposal("1", "b", { dueAt: longAgo }))
        assert.deepStrictEqual(yield* drained, ["1 a", "1 b"])
      })
    )

    law("of a row whose lease has run out gives that row again, and not the next one", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "a"), proposal("1", "b"))
        const first = yield* takeOne(0)
        const second = yield* takeOne()
        assert.deepStrictEqual([second.position, second.delivery], [first.position, 2])
        assert.notStrictEqual(second.token, first.token)
        assert.deepStrictEqual(yield* take(), [])
      })
    )

    law("by many at once gives each row to one of them", () =>
      Effect.gen(function* () {
        yield* put(...Array.from({ length: 20 }, (_, number) => proposal(`${number % 10}`, "a")))
        const all = yield* Effect.all(
          Array.from({ length: 8 }, () => take({ limit: 3 })),
          {
            concurrency: "unbounded"
          }
        )
        const rest = [...all.flat(), ...(yield* take())]
        assert.strictEqual(rest.length, 10)
        assert.strictEqual(new Set(rest.map(({ position }) => position)).size, 10)
      })
    )
  })

  describe(`${name}: how a delivery ended`, () => {
    law("said under an old token changes nothing", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "a"), proposal("1", "b"))
        const old = yield* takeOne(0)
        const current = yield* takeOne()
        yield* say(old, end)
        yield* say(old, bury)
        yield* say(old, again(0))
        assert.deepStrictEqual(yield* take(), [])
        yield* say(current, end)
        assert.deepStrictEqual(whatOf(yield* take()), ["1 b"])
        assert.deepStrictEqual(yield* (yield* Outbox).deadLetters(10), [])
      })
    )

    law("renewed: it stays its taker's for longer; and nobody else can renew it", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "a"), proposal("1", "b"))
        const renew: Delivered = { _tag: "Renew", afterMillis: 60_000 }
        const lost = yield* takeOne(0)
        const taken = yield* takeOne(0)
        yield* say(lost, renew)
        const current = yield* takeOne(0)
        assert.strictEqual(current.position, taken.position)
        yield* say(current, renew)
        assert.deepStrictEqual(yield* take(), [])
        yield* (yield* Outbox).deliver([
          { taken: current, delivered: renew },
          { taken: current, delivered: end }
        ])
        assert.deepStrictEqual(whatOf(yield* take()), ["1 b"])
      })
    )

    law("said twice is said once", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "a"), proposal("1", "b"))
        const first = yield* takeOne()
        yield* say(first, end)
        yield* say(first, end)
        const next = yield* takeOne()
        yield* say(first, end)
        assert.deepStrictEqual(whatOf([next]), ["1 b"])
        assert.deepStrictEqual(yield* take(), [])
      })
    )

    law("again: the row is taken again and the later ones wait behind it, others don't", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "a"), proposal("1", "b"))
        const first = yield* takeOne()
        yield* say(first, again(60_000))
        yield* put(proposal("2", "c"))
        assert.deepStrictEqual(yield* drained, ["2 c"])
      })
    )

    law("again: counts its deliveries, and its failures only where it failed", () =>
      Effect.gen(function* () {
        yield* put(proposal("1", "a"), proposal("1", "b"))
        yield* say(yield* takeOne(), again(0))
        yield* say(yield* takeOne(), failed(0))
        const third = yield* takeOne()
        assert.deepStrictEqual(whatOf([third]), ["1 a"])
        assert.deepStrictEqual([third.delivery, third.failures], [3, 1])
        yield* say(third, end)
        const next = yield* takeOne()
        assert.deepStrictEqual([next.delivery, next.failures], [1, 0])
      })
    )

    law("buried: the later rows go on, and a person sees why", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        yield* put(proposal("1", "a"), proposal("1", "b"))
        yield* say(yield* takeOne(), failed(0))
        const second = yield* takeOne()
        yield* say(second, bury)
        assert.deepStrictEqual(yield* drained, ["1 b"])
        const [dead, ...more] = yield* outbox.deadLetters(10)
        assert.deepStrictEqual(more, [])
        assert.deepInclude(dead, {
          position: second.position,
          capability: "notify",
          entity: { type: "order", id: "1" },
          payload: { what: "a" },
          operator: "shipping",
          deliveries: 2,
          reason: "it does not fit"
        })
      })
    )
  })

  describe(`${name}: a dead letter`, () => {
    const buried = Effect.gen(function* () {
      yield* put(proposal("1", "a"), proposal("1", "b"))
      const taken = yield* takeOne()
      yield* say(taken, bury)
      return taken
    })

    law("that is revived stands in its place again, as a new one", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const { position } = yield* buried
        assert.isTrue(yield* outbox.revive(position))
        assert.isFalse(yield* outbox.revive(position))
        assert.deepStrictEqual(yield* outbox.deadLetters(10), [])
        const taken = yield* takeOne()
        assert.deepStrictEqual([taken.position, taken.delivery], [position, 1])
        yield* say(taken, end)
        assert.deepStrictEqual(yield* drained, ["1 b"])
      })
    )

    law("that is revived goes before what others carry out, also after that was looked at", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        yield* put(proposal("1", "a"), proposal("1", "b", { capability: "remind" }))
        const taken = yield* takeOne()
        yield* say(taken, bury)
        assert.deepStrictEqual(yield* take(), [])
        assert.isTrue(yield* outbox.revive(taken.position))
        assert.deepStrictEqual(whatOf(yield* take()), ["1 a"])
      })
    )

    law("that is dropped is gone, and one that is not there can't be", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const { position } = yield* buried
        assert.isTrue(yield* outbox.drop(position, "dana", "sent by hand"))
        assert.isFalse(yield* outbox.drop(position, "dana", "sent by hand"))
        assert.isFalse(yield* outbox.revive(position))
        assert.deepStrictEqual(yield* outbox.deadLetters(10), [])
        assert.deepStrictEqual(yield* drained, ["1 b"])
      })
    )

    law("does not count as waiting, and what waits is none", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        yield* buried
        yield* put(...["c", "d", "e", "f"].map((what) => proposal("1", what)))
        const [waiting] = yield* take()
        assert.isFalse(yield* outbox.revive(waiting?.position ?? 0n))
        assert.isFalse(yield* outbox.drop(waiting?.position ?? 0n, "dana", "no"))
      })
    )
  })

  describe(`${name}: the backlog`, () => {
    law("has each entity whose rows wait, with why its first one does", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        yield* put(proposal("1", "a"), proposal("1", "b"), proposal("1", "c", { dueAt: soon }))
        yield* put(proposal("2", "d"))
        const first = (yield* take()).find(({ entity }) => entity.id === "1")
        if (first !== undefined) yield* say(first, again(60_000))
        const found = (yield* outbox.backlog(10)).map(({ entity, reason, waiting }) => ({
          entity,
          waiting,
          reason
        }))
        assert.deepStrictEqual(found, [
          { entity: { type: "order", id: "1" }, waiting: 3, reason: "in doubt" },
          { entity: { type: "order", id: "2" }, waiting: 1, reason: null }
        ])
        assert.strictEqual((yield* outbox.backlog(1)).length, 1)
      })
    )
  })

  describe(`${name}: a cursor`, () => {
    const move = (from: string | undefined, to: string) => ({ operator: "ada", source: "orders", from, to })
    const moved = Effect.fnUntraced(function* (
      from: string | undefined,
      to: string,
      ...what: ReadonlyArray<string>
    ) {
      const outbox = yield* Outbox
      return yield* outbox.put(
        what.map((one) => proposal("1", one)),
        move(from, to)
      )
    })

    law("moves with what is put, and is nowhere before", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        assert.isUndefined(yield* outbox.cursorOf("ada", "orders"))
        yield* moved(undefined, "5", "a")
        yield* moved("5", "9")
        assert.strictEqual(yield* outbox.cursorOf("ada", "orders"), "9")
        assert.isUndefined(yield* outbox.cursorOf("ada", "customers"))
        assert.isUndefined(yield* outbox.cursorOf("bob", "orders"))
        assert.deepStrictEqual(yield* drained, ["1 a"])
      })
    )

    law("is of one operator and one source, whatever characters their names have", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        for (const mark of [":", "/", '","', "\n"]) {
          yield* outbox.put([], { operator: `a${mark}b`, source: "c", from: undefined, to: "5" })
          assert.isUndefined(yield* outbox.cursorOf("a", `b${mark}c`))
        }
      })
    )

    law("that another reader has moved lets nothing be put", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        yield* moved(undefined, "5", "a")
        for (const from of [undefined, "4"]) {
          const error = yield* Effect.flip(moved(from, "6", "b"))
          assert.strictEqual(error._tag, "CursorMoved")
        }
        assert.strictEqual(yield* outbox.cursorOf("ada", "orders"), "5")
        assert.deepStrictEqual(yield* drained, ["1 a"])
      })
    )

    law("stays where the outbox is full", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const error = yield* Effect.flip(moved(undefined, "5", "a", "b", "c", "d", "e", "f"))
        assert.strictEqual(error._tag, "OutboxFull")
        assert.isUndefined(yield* outbox.cursorOf("ada", "orders"))
      })
    )
  })
}
