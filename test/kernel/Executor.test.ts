import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import {
  EmailRefused,
  makeWorld,
  notify,
  Notify,
  Order,
  over,
  succeed,
  type World
} from "../support/orders.ts"
import { execute, Fibric, NotPerformed, Operator, OutcomeUnknown, ReceiptLog } from "fibric"
import type { Connector, Executor } from "fibric"
import { fault } from "../support/fault.ts"

type Needs = Executor | ReceiptLog | Connector.Handler<"notify"> | Connector.Handler<"peek">

/** A test over a fresh runtime in memory, with virtual time and a world of its own. */
const story = (sentence: string, body: (world: World) => Effect.Effect<void, unknown, Needs>) =>
  it.effect(sentence, () => {
    const { world, layer } = makeWorld()
    return Effect.provide(body(world), over(layer, Fibric.layerMemory))
  })

/** Starts all at once and waits until each has begun to wait. */
const forkAll = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
  Effect.replicateEffect(Effect.forkChild(effect, { startImmediately: true }), count)

const totals = (id: string, status?: string) =>
  Effect.flatMap(ReceiptLog, (log) => log.totals(notify(id, status).key))

describe("one action", () => {
  story("is performed once and answered with its receipt and its typed output", (world) =>
    Effect.gen(function* () {
      const { receipt, output } = yield* execute(notify("4471")).pipe(Operator.as("shipping"))
      assert.strictEqual(world.calls.length, 1)
      assert.strictEqual(receipt.outcome, "performed")
      assert.strictEqual(receipt.key, "notify:order-4471:shipped")
      assert.strictEqual(receipt.operator, "shipping")
      assert.strictEqual(receipt.attempt, 1)
      assert.deepStrictEqual(output, Option.some({ messageId: world.calls[0]?.call.key ?? "" }))
    })
  )

  story("reaches the connector with its payload, its entity and an opaque key for the provider", (world) =>
    Effect.gen(function* () {
      yield* execute(notify("4471"))
      const [reached] = world.calls
      assert.deepStrictEqual(reached?.payload, {
        to: "ada@example.com",
        status: "shipped",
        text: "It is on its way."
      })
      assert.deepStrictEqual(reached?.call.entity, { type: "order", id: "4471" })
      assert.match(reached?.call.key ?? "", /^fibric-[0-9a-f]{64}-0$/)
      assert.strictEqual(reached?.call.attempt, 1)
      assert.strictEqual(reached?.call.deadlineMillis, 20_000)
    })
  )

  story("does nothing before it is executed", (world) =>
    Effect.sync(() => {
      notify("4471")
      assert.strictEqual(world.calls.length, 0)
    })
  )

  story("is taken as it was when it was asked for, whatever becomes of the value later", (world) =>
    Effect.gen(function* () {
      const payload = { to: "ada@example.com", status: "shipped", text: "first" }
      world.answer = (reached) => Effect.delay(succeed(reached), "1 second")
      const asking = yield* Effect.forkChild(execute(Notify.propose(Order.at("1"), payload)), {
        startImmediately: true
      })
      payload.to = "eve@example.com"
      yield* world.started(1)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(asking)
      assert.strictEqual(world.calls[0]?.payload.to, "ada@example.com")
    })
  )
})

describe("a caller's own objects", () => {
  story("an address that is reused while its action runs renames nothing, and nothing runs again", (world) =>
    Effect.gen(function* () {
      const at = { type: "order", id: "1" } as const
      const payload = { to: "ada@example.com", status: "shipped", text: "It is on its way." }
      const gate = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
      const asking = yield* Effect.forkChild(execute(Notify.propose(at, payload)), { startImmediately: true })
      yield* world.started(1)
      // A caller without types can change what it gave.
      Object.assign(at, { id: "2" })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(asking)
      assert.deepStrictEqual(
        world.calls.map(({ call }) => call.entity.id),
        ["1"]
      )
      assert.deepStrictEqual(yield* totals("1"), { performed: 1 })
      assert.deepStrictEqual(yield* totals("2"), {})
    })
  )
})

describe("the same action again", () => {
  story("657 at once are one effect, one receipt for everybody, and 657 receipts by count", (world) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
      const asking = yield* forkAll(657, execute(notify("4471")))
      yield* world.started(1)
      yield* Deferred.succeed(gate, undefined)
      const answers = yield* Effect.forEach(asking, Fiber.join)
      assert.strictEqual(world.calls.length, 1)
      assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
      assert.deepStrictEqual(yield* totals("4471"), { performed: 1, joined: 656 })
    })
  )

  story("657 in a loop are one effect, and each leaves a receipt", (world) =>
    Effect.gen(function* () {
      const answers = yield* Effect.replicateEffect(execute(notify("4471")), 657)
      assert.strictEqual(world.calls.length, 1)
      assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
      assert.deepStrictEqual(yield* totals("4471"), { performed: 1, deduplicated: 656 })
    })
  )

  story("is written down in the name of whoever asked", () =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      yield* execute(notify("1")).pipe(Operator.as("shipping"))
      yield* execute(notify("1")).pipe(Operator.as("agent"))
      const receipts = yield* log.byKey(notify("1").key)
      assert.deepStrictEqual(
        receipts.map(({ outcome, operator }) => [outcome, operator]),
        [
          ["performed", "shipping"],
          ["deduplicated", "agent"]
        ]
      )
      assert.strictEqual(receipts[1]?.refersTo, receipts[0]?.id)
    })
  )

  story("is folded by who asked: a flood of requests is not a flood of rows", (world) =>
    Effect.gen(function* () {
      const log = yield* ReceiptLog
      const gate = yield* Deferred.make<void>()
      world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
      const ones = yield* forkAll(100, execute(notify("1")).pipe(Operator.as("one")))
      const twos = yield* forkAll(50, execute(notify("1")).pipe(Operator.as("two")))
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach([...ones, ...twos], Fiber.join)
      const rows = (yield* log.byKey(notify("1").key)).map(({ outcome, operator, count }) => [
        outcome,
        operator,
        count
      ])
      assert.deepStrictEqual(rows, [
        ["performed", "one", 1],
        ["joined", "one", 99],
        ["joined", "two", 50]
      ])
    })
  )

  story("with reworded content or another trace id is still the same action", (world) =>
    Effect.gen(function* () {
      const first = yield* execute(notify("1", "shipped", { text: "On its way!", traceId: "a" }))
      const again = yield* execute(notify("1", "shipped", { text: "Your parcel travels.", traceId: "b" }))
      assert.strictEqual(again.receipt.id, first.receipt.id)
      assert.strictEqual(world.calls.length, 1)
    })
  )

  story(
    `${fault("key with another payload")} with another bound field is a conflict that names the path and the original, and is never performed`,
    (world) =>
      Effect.gen(function* () {
        const first = yield* execute(notify("1"))
        const conflict = yield* Effect.flip(execute(notify("1", "shipped", { to: "eve@example.com" })))
        assert.strictEqual(conflict._tag, "KeyConflict")
        if (conflict._tag !== "KeyConflict") return
        assert.deepStrictEqual(conflict.paths, ["/to"])
        assert.strictEqual(conflict.receipt?.id, first.receipt.id)
        assert.strictEqual(world.calls.length, 1)
        assert.deepStrictEqual(yield* totals("1"), { performed: 1, conflict: 1 })
      })
  )

  story(
    `${fault("key with another payload")} with another bound field while the first is in flight is a conflict too`,
    (world) =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
        const first = yield* Effect.forkChild(execute(notify("1")), { startImmediately: true })
        yield* world.started(1)
        const other = yield* Effect.forkChild(
          Effect.flip(execute(notify("1", "shipped", { to: "eve@example.com" }))),
          {
            startImmediately: true
          }
        )
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual((yield* Fiber.join(other))._tag, "KeyConflict")
        assert.strictEqual((yield* Fiber.join(first)).receipt.outcome, "performed")
        assert.strictEqual(world.calls.length, 1)
      })
  )

  story("another occasion is another action", (world) =>
    Effect.gen(function* () {
      yield* execute(notify("1", "packed"))
      yield* execute(notify("1", "shipped"))
      assert.strictEqual(world.calls.length, 2)
    })
  )
})

describe("what the connector's answer proves", () => {
  story(
    `${fault("refused, then repeated")} a refusal is a typed error, settled, and replayed without asking the provider again`,
    (world) =>
      Effect.gen(function* () {
        world.answer = () => Effect.fail(new EmailRefused({ reason: "no such mailbox" }))
        const first = yield* Effect.flip(execute(notify("1")))
        const again = yield* execute(notify("1")).pipe(
          Effect.catchTag("EmailRefused", (refusal) => Effect.succeed(refusal.reason))
        )
        assert.deepStrictEqual(first, new EmailRefused({ reason: "no such mailbox" }))
        assert.strictEqual(again, "no such mailbox")
        assert.strictEqual(world.calls.length, 1)
        assert.deepStrictEqual(yield* totals("1"), { refused: 1, deduplicated: 1 })
      })
  )

  story(
    "proof that nothing was performed frees the key; the next ask is a new attempt under a new provider key",
    (world) =>
      Effect.gen(function* () {
        world.answer = () =>
          Effect.fail(new NotPerformed({ proof: "never_sent", reason: "connection refused" }))
        const first = yield* Effect.flip(execute(notify("1")))
        assert.strictEqual(first._tag, "NotPerformed")
        world.answer = succeed
        const { receipt } = yield* execute(notify("1"))
        assert.strictEqual(receipt.attempt, 2)
        assert.deepStrictEqual(
          world.calls.map(({ call }) => call.key.slice(-2)),
          ["-0", "-1"]
        )
        assert.deepStrictEqual(yield* totals("1"), { released: 1, performed: 1 })
      })
  )

  story("a released key may be asked for with a mended payload", (world) =>
    Effect.gen(function* () {
      world.answer = () =>
        Effect.fail(new NotPerformed({ proof: "never_sent", reason: "connection refused" }))
      yield* Effect.flip(execute(notify("1")))
      world.answer = succeed
      yield* execute(notify("1", "shipped", { to: "mended@example.com" }))
      assert.strictEqual(world.calls[1]?.payload.to, "mended@example.com")
    })
  )

  story("those who joined an attempt that was released hear so, and don't try by themselves", (world) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      world.answer = () =>
        Effect.andThen(Deferred.await(gate), new NotPerformed({ proof: "provider_denies", reason: "busy" }))
      const asking = yield* forkAll(10, Effect.flip(execute(notify("1"))))
      yield* world.started(1)
      yield* Deferred.succeed(gate, undefined)
      const errors = yield* Effect.forEach(asking, Fiber.join)
      assert.deepStrictEqual(new Set(errors.map(({ _tag }) => _tag)), new Set(["NotPerformed"]))
      assert.strictEqual(world.calls.length, 1)
      assert.deepStrictEqual(yield* totals("1"), { released: 1, joined: 9 })
    })
  )

  const unknowns: ReadonlyArray<readonly [string, World["answer"], RegExp]> = [
    [
      "says that it can't know",
      () => Effect.fail(new OutcomeUnknown({ reason: "reset after the dot" })),
      /reset after the dot/
    ],
    [
      "claims a rollback, which only the database can prove",
      () => Effect.fail(new NotPerformed({ proof: "rolled_back", reason: "so it said" })),
      /a proof that it can't have \(rolled_back\): so it said/
    ],
    [
      "claims a person's word",
      () => Effect.fail(new NotPerformed({ proof: "testimony", reason: "so it said" })),
      /a proof that it can't have \(testimony\)/
    ],
    ["is interrupted from within", () => Effect.interrupt, /the call was interrupted/],
    [
      "fails with an object that can't be shown",
      () => Effect.fail(Object.create(null) as never),
      /can't be read/
    ],
    ["dies of an object that can't be shown", () => Effect.die(Object.create(null)), /can't be read/],
    [
      "dies of an error that throws when it is looked at",
      () =>
        Effect.die(
          Object.defineProperty(new Error("x"), "message", {
            get: () => {
              throw new Error("boo")
            }
          })
        ),
      /can't be read/
    ],
    ["fails with something undeclared", () => Effect.fail("oops" as never), /not a declared refusal/],
    [
      "answers more than can be recorded",
      () => Effect.succeed({ messageId: "x".repeat(1_100_000) }),
      /bytes, more than/
    ]
  ]
  const leavesDoubt = (answer: World["answer"], reason: RegExp) => (world: World) =>
    Effect.gen(function* () {
      world.answer = answer
      const first = yield* Effect.flip(execute(notify("1")))
      assert.strictEqual(first._tag, "InDoubt")
      assert.match(first._tag === "InDoubt" ? first.reason : "", reason)
      world.answer = succeed
      const again = yield* Effect.flip(execute(notify("1")))
      assert.strictEqual(again._tag, "InDoubt")
      assert.strictEqual(world.calls.length, 1)
      assert.deepStrictEqual(yield* totals("1"), { in_doubt: 1, deduplicated: 1 })
    })

  for (const [what, answer, reason] of unknowns) {
    story(
      `a connector that ${what} leaves the key in doubt, and it is never sent again`,
      leavesDoubt(answer, reason)
    )
  }

  story(
    `${fault("connector dies")} a connector that was called and dies leaves the key in doubt, and it is never sent again`,
    leavesDoubt(() => Effect.die(new Error("boom")), /the connector died: Error: boom/)
  )

  story(
    `${fault("connector throws")} a connector that was called and throws leaves the key in doubt, and it is never sent again`,
    leavesDoubt(() => {
      throw new Error("thrown")
    }, /the connector died: Error: thrown/)
  )

  story(
    // A connector without types can answer anything; the kernel must not believe it.
    `${fault("connector answers garbage")} a connector that answers with something that does not fit leaves the key in doubt, and it is never sent again`,
    leavesDoubt(() => Effect.succeed({ messageId: 7 } as never), /can't be recorded/)
  )
})

describe("the deadline", () => {
  story("passes: everybody hears that it is in doubt", (world) =>
    Effect.gen(function* () {
      world.answer = () => Effect.never
      const asking = yield* forkAll(5, Effect.flip(execute(notify("1"))))
      yield* world.started(1)
      yield* TestClock.adjust("20 seconds")
      const errors = yield* Effect.forEach(asking, Fiber.join)
      assert.deepStrictEqual(new Set(errors.map(({ _tag }) => _tag)), new Set(["InDoubt"]))
      assert.deepStrictEqual(yield* totals("1"), { in_doubt: 1, joined: 4 })
    })
  )

  story(
    `${fault("timeout hid a success")} does not cut the call short: its late success settles the key`,
    (world) =>
      Effect.gen(function* () {
        world.answer = (reached) => Effect.delay(succeed(reached), "30 seconds")
        const asking = yield* Effect.forkChild(Effect.flip(execute(notify("1"))), { startImmediately: true })
        yield* world.started(1)
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual((yield* Fiber.join(asking))._tag, "InDoubt")
        yield* TestClock.adjust("10 seconds")
        const { receipt } = yield* execute(notify("1"))
        assert.strictEqual(receipt.outcome, "resolved")
        assert.strictEqual(world.calls.length, 1)
        assert.strictEqual(world.interrupted, 0)
      })
  )

  for (const [what, no, outcome] of [
    ["refusal", new EmailRefused({ reason: "no such mailbox" }), "refused"],
    [
      "proof that nothing was performed",
      new NotPerformed({ proof: "provider_denies", reason: "busy" }),
      "released"
    ]
  ] as const) {
    story(`does not hide a late ${what} either: the key is ${outcome}`, (world) =>
      Effect.gen(function* () {
        world.answer = () => Effect.delay(Effect.fail(no), "30 seconds")
        const asking = yield* Effect.forkChild(Effect.flip(execute(notify("1"))), { startImmediately: true })
        yield* world.started(1)
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual((yield* Fiber.join(asking))._tag, "InDoubt")
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(yield* totals("1"), { in_doubt: 1, [outcome]: 1 })
      })
    )
  }

  story(`${fault("connector hangs")} and the grace pass: the call is interrupted, the doubt stays`, (world) =>
    Effect.gen(function* () {
      world.answer = () => Effect.never
      const asking = yield* Effect.forkChild(Effect.flip(execute(notify("1"))), { startImmediately: true })
      yield* world.started(1)
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(asking)
      assert.strictEqual(world.interrupted, 0)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(world.interrupted, 1)
      assert.strictEqual((yield* Effect.flip(execute(notify("1"))))._tag, "InDoubt")
    })
  )

  story(
    `${fault("connector hangs")} is kept also from a call that can't be interrupted: its lane goes on`,
    (world) =>
      Effect.gen(function* () {
        world.answer = () => Effect.uninterruptible(Effect.never)
        const asking = yield* Effect.forkChild(Effect.flip(execute(notify("1"))), { startImmediately: true })
        yield* world.started(1)
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual((yield* Fiber.join(asking))._tag, "InDoubt")
        const next = yield* Effect.flip(execute(notify("1", "delivered")))
        assert.strictEqual(next._tag, "LaneHeld")
      })
  )
})

describe("callers", () => {
  story(`${fault("timeout hid a success")} who lose patience get the receipt when they ask again`, (world) =>
    Effect.gen(function* () {
      world.answer = (reached) => Effect.delay(succeed(reached), "5 seconds")
      const impatient = yield* Effect.forkChild(Effect.timeoutOption(execute(notify("1")), "1 second"), {
        startImmediately: true
      })
      yield* world.started(1)
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isNone(yield* Fiber.join(impatient)))
      yield* TestClock.adjust("4 seconds")
      const { receipt } = yield* execute(notify("1"))
      assert.strictEqual(receipt.outcome, "performed")
      assert.strictEqual(world.calls.length, 1)
    })
  )

  story(
    `${fault("caller interrupted")} 100 that are interrupted cut no call short, and are counted all the same`,
    (world) =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
        const asking = yield* forkAll(100, execute(notify("1")))
        yield* world.started(1)
        yield* Effect.forEach(asking, Fiber.interrupt)
        assert.strictEqual(world.interrupted, 0)
        yield* Deferred.succeed(gate, undefined)
        const { receipt } = yield* execute(notify("1"))
        assert.strictEqual(receipt.outcome, "performed")
        assert.strictEqual(world.calls.length, 1)
        assert.strictEqual(world.interrupted, 0)
        const { performed, joined = 0, deduplicated = 0 } = yield* totals("1")
        assert.strictEqual(performed, 1)
        assert.strictEqual(joined + deduplicated, 100)
      })
  )

  story("can't reach the connector's context: it runs in its layer's", (world) =>
    Effect.gen(function* () {
      let operatorInside = ""
      world.answer = (reached) =>
        Effect.andThen(
          Effect.map(Operator.Current, (operator) => {
            operatorInside = operator
          }),
          succeed(reached)
        )
      yield* execute(notify("1")).pipe(Operator.as("shipping"))
      assert.strictEqual(operatorInside, "unnamed")
    })
  )

  story(`${fault("caller interrupted")} interrupted at any step leave no flight that nobody flies`, (world) =>
    Effect.gen(function* () {
      // The scheduler lets others run after so many operations, and there the interrupt lands. (After
      // each single one a fiber would never get anywhere.)
      for (let operations = 2; operations <= 200; operations++) {
        const id = String(operations)
        const asking = yield* Effect.forkChild(
          Effect.provideService(execute(notify(id)), Scheduler.MaxOpsBeforeYield, operations),
          { startImmediately: true }
        )
        yield* Fiber.interrupt(asking)
        const { receipt } = yield* execute(notify(id))
        assert.strictEqual(receipt.outcome, "performed")
      }
      assert.strictEqual(world.calls.length, 199)
    })
  )

  story("a defect of one turn leaves the lane working for the next", (world) =>
    Effect.gen(function* () {
      world.answer = () => Effect.die("boom")
      const exit = yield* Effect.exit(execute(notify("1")))
      assert.isTrue(Exit.isFailure(exit))
      world.answer = succeed
      yield* execute(notify("2"))
      assert.strictEqual(world.calls.length, 2)
    })
  )
})
