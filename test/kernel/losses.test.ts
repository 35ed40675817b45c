import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { execute, ReceiptLog, Recovery, Verdicts, Operator } from "fibric"
import { Ledger } from "../../src/kernel/Ledger.ts"
import { layerRuntime, makeTrouble } from "../support/ledgers.ts"
import { makeWorld, notify, over, succeed } from "../support/orders.ts"
import { troubledStory } from "../support/troubled-story.ts"
import { fault } from "../support/fault.ts"

const story = troubledStory()

/** Asks while virtual time passes, so that retries go on. */
const asking = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    for (let step = 0; step < 40; step++) yield* TestClock.adjust("500 millis")
    return yield* Fiber.join(fiber)
  })

describe("the order of things", () => {
  story("the claim is durable before the connector is called", (world) =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const statesInside: Array<string | undefined> = []
      world.answer = (reached) =>
        Effect.andThen(
          Effect.map(Effect.orDie(ledger.find(notify("1").key)), (entry) => {
            statesInside.push(entry?.state)
          }),
          succeed(reached)
        )
      yield* execute(notify("1"))
      assert.deepStrictEqual(statesInside, ["performing"])
    })
  )

  story("the settlement is durable before the caller is answered", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const { receipt } = yield* execute(notify("1"))
      const entry = yield* ledger.find(notify("1").key)
      assert.deepStrictEqual(entry?.receipt, receipt)
    })
  )

  story("a repeat is answered only when its receipt is durable", (_world, trouble) =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      yield* execute(notify("1"))
      const gate = yield* Deferred.make<void>()
      trouble.before.set("record", Deferred.await(gate))
      const repeat = yield* Effect.forkChild(execute(notify("1")), { startImmediately: true })
      for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow
      assert.isUndefined(repeat.pollUnsafe())
      assert.deepStrictEqual(yield* log.totals(), { performed: 1 })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(repeat)
      assert.deepStrictEqual(yield* log.totals(), { performed: 1, deduplicated: 1 })
    })
  )
})

describe("a repeat that comes while those of its flight are being written down", () => {
  story("leaves one of its own", (world, trouble) =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      const [answered, written] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      world.answer = (reached) => Effect.andThen(Deferred.await(answered), succeed(reached))
      trouble.before.set("record", Deferred.await(written))
      const ask = Effect.forkChild(execute(notify("1")), { startImmediately: true })
      const leader = yield* ask
      yield* world.started(1)
      const joiner = yield* ask
      yield* Deferred.succeed(answered, undefined)
      yield* Fiber.join(leader)
      const late = yield* ask
      yield* Deferred.succeed(written, undefined)
      yield* Fiber.join(joiner)
      yield* Fiber.join(late)
      assert.deepStrictEqual(yield* log.totals(), { performed: 1, joined: 1, deduplicated: 1 })
    })
  )
})

describe("a ledger that loses requests and replies", () => {
  story(
    `${fault("reply lost")} a claim whose reply was lost is asked for again with the same token, and performed once`,
    (world, trouble) =>
      Effect.gen(function* () {
        trouble.replyLost.set("claim", 3)
        const { receipt } = yield* asking(execute(notify("1")))
        assert.strictEqual(receipt.attempt, 1)
        assert.strictEqual(world.calls.length, 1)
        assert.strictEqual(trouble.arrived.filter((operation) => operation === "claim").length, 4)
      })
  )

  story(`${fault("request lost")} a claim that is not confirmed is not performed`, (world, trouble) =>
    Effect.gen(function* () {
      trouble.unreachable.set("claim", 1_000)
      const error = yield* asking(Effect.flip(execute(notify("1"))))
      assert.strictEqual(error._tag, "LedgerUnavailable")
      assert.strictEqual(world.calls.length, 0)
    })
  )

  story(
    `${fault("reply lost")} a claim that landed and was never confirmed is given up and released as never started`,
    (world, trouble) =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        trouble.replyLost.set("claim", 6)
        const error = yield* asking(Effect.flip(execute(notify("1"))))
        assert.strictEqual(error._tag, "LedgerUnavailable")
        assert.strictEqual(world.calls.length, 0)
        const receipts = yield* log.byKey(notify("1").key)
        assert.deepStrictEqual(
          receipts.map(({ outcome, proof }) => [outcome, proof]),
          [["released", "never_started"]]
        )
        yield* execute(notify("1"))
        assert.strictEqual(world.calls.length, 1)
      })
  )

  story(
    `${fault("request lost", "reply lost")} a settlement is tried until it is confirmed, and is one receipt`,
    (world, trouble) =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        trouble.unreachable.set("settle", 5)
        trouble.replyLost.set("settle", 2)
        const { receipt } = yield* asking(execute(notify("1")))
        assert.strictEqual(receipt.outcome, "performed")
        assert.strictEqual(world.calls.length, 1)
        assert.deepStrictEqual(yield* log.totals(), { performed: 1 })
      })
  )

  story(`${fault("reply lost")} a repeat's receipt whose reply was lost is written once`, (_world, trouble) =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      yield* execute(notify("1"))
      trouble.replyLost.set("record", 2)
      yield* asking(execute(notify("1")))
      assert.deepStrictEqual(yield* log.totals(), { performed: 1, deduplicated: 1 })
    })
  )

  story(
    `${fault("reply lost")} a verdict whose reply was lost is told as the one that stands`,
    (world, trouble) =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        world.answer = () => Effect.die("the line broke")
        yield* Effect.flip(execute(notify("1")))
        trouble.replyLost.set("apply", 2)
        const verdict = { attempt: 1, reason: "the customer confirmed it" }
        const { receipt } = yield* asking((yield* Verdicts).itHappened(notify("1"), verdict)).pipe(
          Operator.as("dana")
        )
        assert.strictEqual(receipt.outcome, "resolved")
        assert.deepStrictEqual(yield* log.totals(), { in_doubt: 1, resolved: 1 })
      })
  )

  story(
    "a repeat whose receipt can't be written is told that the ledger is gone, not that all is well",
    (_world, trouble) =>
      Effect.gen(function* () {
        yield* execute(notify("1"))
        trouble.unreachable.set("record", 1_000)
        const error = yield* asking(Effect.flip(execute(notify("1"))))
        assert.strictEqual(error._tag, "LedgerUnavailable")
      })
  )

  story(
    "whoever led still gets the receipt of what was done, when the others' can't be written",
    (world, trouble) =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
        const leader = yield* Effect.forkChild(execute(notify("1")), { startImmediately: true })
        yield* world.started(1)
        const joiner = yield* Effect.forkChild(Effect.flip(execute(notify("1"))), { startImmediately: true })
        trouble.unreachable.set("record", 1_000)
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual((yield* Fiber.join(leader)).receipt.outcome, "performed")
        assert.strictEqual((yield* asking(Fiber.join(joiner)))._tag, "LedgerUnavailable")
      })
  )

  story(`${fault("request lost")} a look that fails a few times is tried again`, (world, trouble) =>
    Effect.gen(function* () {
      trouble.unreachable.set("find", 3)
      yield* asking(execute(notify("1")))
      assert.strictEqual(world.calls.length, 1)
    })
  )
})

describe("a ledger that forgot a claim that it had confirmed", () => {
  for (const [what, forgotten] of [
    ["the key", "unknown_key"],
    ["its last attempt", "unknown_token"]
  ] as const) {
    story(`is not asked for another one, where ${what} is gone: it is known here`, (world, trouble) =>
      Effect.gen(function* () {
        world.answer = (reached) =>
          Effect.sync(() => {
            trouble.forgets = forgotten
          }).pipe(Effect.andThen(succeed(reached)))
        const error = yield* asking(Effect.flip(execute(notify("1"))))
        assert.strictEqual(error._tag, "LedgerUnavailable")
        assert.strictEqual(world.calls.length, 1)
      })
    )
  }
})

describe("a process that was away", () => {
  story(
    `${fault("stopped before sending")} for longer than the claim allows does not start the call, and says so with proof`,
    (world, trouble) =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        trouble.before.set("claim", Effect.sleep("5 minutes"))
        const fiber = yield* Effect.forkChild(Effect.flip(execute(notify("1"))), { startImmediately: true })
        yield* TestClock.adjust("5 minutes")
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error._tag, "NotPerformed")
        assert.strictEqual(world.calls.length, 0)
        assert.deepStrictEqual(yield* log.totals(), { released: 1 })
      })
  )

  story("and whose lease ran out claims under a new incarnation only", (world, trouble) =>
    Effect.gen(function* () {
      trouble.unreachable.set("beat", 12)
      yield* TestClock.adjust("50 seconds")
      yield* asking(execute(notify("1")))
      assert.strictEqual(world.calls.length, 1)
    })
  )

  story("a row that outlived its worker's silence becomes doubtful without anybody asking", (world) =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      yield* ledger.beat("0190a0b0-0000-4000-8000-000000000001", 1_000)
      const verdict = yield* ledger.claim({
        key: notify("1").key,
        lane: notify("1").key.entityHash,
        token: "0190a0b0-0000-4000-8000-000000000002",
        worker: "0190a0b0-0000-4000-8000-000000000001",
        operator: "a process that died",
        // As the kernel will derive it for the same action.
        fingerprint: "1:c0ffee",
        paths: {},
        seenAttempt: 0,
        doubtHoldsLane: true,
        passesDoubt: false,
        basis: null,
        root: null,
        doubtAfterMillis: 60_000,
        recovery: Recovery.hold,
        deadlineMillis: 20_000,
        request: null
      })
      assert.strictEqual(verdict._tag, "Claimed")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* ledger.find(notify("1").key))?.state, "in_doubt")
      const held = yield* Effect.flip(execute(notify("1", "delivered")))
      assert.strictEqual(held._tag, "LaneHeld")
      assert.strictEqual(world.calls.length, 0)
    })
  )
})

describe("an attempt that somebody else settled first", () => {
  it.effect("is written down once: its own request is no repeat", () => {
    const { world, layer } = makeWorld()
    const runtime = layerRuntime(makeTrouble(), { doubtMarginMillis: -10_000 })
    return Effect.gen(function* () {
      const log = yield* ReceiptLog
      world.answer = () => Effect.never
      const fiber = yield* Effect.forkChild(Effect.flip(execute(notify("1"))), { startImmediately: true })
      yield* world.started(1)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "InDoubt")
      assert.deepStrictEqual(yield* log.totals(), { in_doubt: 1 })
    }).pipe(Effect.provide(over(layer, runtime)))
  })
})

describe("closing", () => {
  it.effect("a connector keeps what it needs until its calls have ended", () => {
    const { world, layer } = makeWorld()
    const log: Array<string> = []
    return Effect.gen(function* () {
      world.answer = (reached) =>
        Effect.delay(succeed(reached), "5 seconds").pipe(
          Effect.ensuring(Effect.sync(() => void log.push("the call ended")))
        )
      const resource = Layer.effectDiscard(
        Effect.addFinalizer(() => Effect.sync(() => void log.push("the connection closed")))
      )
      const connector = Layer.provide(layer, resource)
      const closing = yield* Effect.forkChild(
        Effect.scoped(
          Effect.gen(function* () {
            const services = yield* Layer.build(
              over(connector, layerRuntime(makeTrouble(), { drainMillis: 10_000 }))
            )
            yield* Effect.forkDetach(Effect.provideContext(execute(notify("1")), services), {
              startImmediately: true
            })
            yield* world.started(1)
          })
        )
      )
      yield* world.started(1)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(log, ["the call ended", "the connection closed"])
    })
  })

  it.effect("takes no new actions, and lets what is in flight end within its bound", () => {
    const { world, layer } = makeWorld()
    const trouble = makeTrouble()
    return Effect.gen(function* () {
      world.answer = (reached) => Effect.delay(succeed(reached), "5 seconds")
      const context = yield* Deferred.make<Fiber.Fiber<unknown, unknown>>()
      const closing = yield* Effect.forkChild(
        Effect.scoped(
          Effect.gen(function* () {
            const services = yield* Layer.build(over(layer, layerRuntime(trouble, { drainMillis: 10_000 })))
            const inFlight = yield* Effect.forkDetach(Effect.provideContext(execute(notify("1")), services), {
              startImmediately: true
            })
            yield* world.started(1)
            yield* Deferred.succeed(context, inFlight)
          })
        )
      )
      const inFlight = yield* Deferred.await(context)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(closing)
      const answer = yield* Fiber.join(inFlight)
      assert.strictEqual(world.interrupted, 0)
      assert.deepStrictEqual(
        trouble.arrived.filter((operation) => operation === "settle"),
        ["settle"]
      )
      assert.isDefined(answer)
    })
  })

  it.effect("leaves what does not end in flight, interrupts the call, and tells its callers", () => {
    const { world, layer } = makeWorld()
    const trouble = makeTrouble()
    return Effect.gen(function* () {
      world.answer = () => Effect.never
      const asked = yield* Effect.scoped(
        Effect.gen(function* () {
          const services = yield* Layer.build(over(layer, layerRuntime(trouble)))
          const fiber = yield* Effect.forkDetach(
            Effect.provideContext(Effect.flip(execute(notify("1"))), services),
            { startImmediately: true }
          )
          yield* world.started(1)
          return fiber
        })
      )
      const error = yield* Fiber.join(asked)
      assert.deepInclude(error, { _tag: "ShuttingDown", underWay: true })
      yield* Effect.yieldNow
      assert.strictEqual(world.interrupted, 1)
      assert.notInclude(trouble.arrived, "settle")
    })
  })

  it.effect("answers a request that comes afterwards with a typed error", () => {
    const { world, layer } = makeWorld()
    return Effect.gen(function* () {
      const services = yield* Effect.scoped(Layer.build(over(layer, layerRuntime(makeTrouble()))))
      const error = yield* Effect.flip(Effect.provideContext(execute(notify("1")), services))
      assert.deepInclude(error, { _tag: "ShuttingDown", underWay: false })
      assert.strictEqual(world.calls.length, 0)
    })
  })
})
