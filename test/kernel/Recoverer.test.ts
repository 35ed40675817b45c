import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Option, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { execute, Fibric, ReceiptLog, Recoverer, Settings } from "fibric"
import type { Action, Capability, Connector } from "fibric"
import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import * as Runtime from "../../src/kernel/Runtime.ts"
import { layerRuntime, makeTrouble } from "../support/ledgers.ts"
import {
  Account,
  declined,
  LetGo,
  LookedUp,
  lost,
  makeProvider,
  paid,
  type Provider,
  Replayed,
  Resent,
  unsent
} from "../support/payments.ts"

type Needs =
  | Runtime.Services
  | Scope.Scope
  | Connector.Handler<"resent">
  | Connector.Handler<"replayed">
  | Connector.Handler<"looked-up">
  | Connector.Handler<"let-go">

const story = (sentence: string, body: (provider: Provider) => Effect.Effect<void, unknown, Needs>) =>
  it.effect(sentence, () => {
    const { layer, provider } = makeProvider()
    return Effect.provide(body(provider), Layer.provideMerge(layer, Fibric.layerMemory))
  })

/** Nothing is recovered but by a test's own hand. */
const layerByHand = Fibric.layerMemory.pipe(
  Layer.provide(Settings.layer({ recoverMillis: 3_600_000, drainMillis: 0 }))
)

const payload = { cents: 1_200, occasion: "invoice-7" }
const at = Account.at("1")

/** The answer's tag for one request. */
const asked = <C extends Capability.Any>(action: Action.Action<C>) =>
  Effect.map(Effect.result(execute(action)), (answer) =>
    answer._tag === "Success"
      ? answer.success.receipt.outcome
      : (answer.failure as { readonly _tag: string })._tag
  )

const outcomesOf = (action: Action.Action<Capability.Any>) =>
  Effect.gen(function* () {
    const log = yield* ReceiptLog
    return (yield* log.byKey(action.key)).map(({ outcome }) => outcome)
  })

describe("a resend", () => {
  const action = Resent.propose(at, payload)

  story("sends the stored request again under the same key, and settles the doubt", (provider) =>
    Effect.gen(function* () {
      provider.answer = (request, number) => (number === 1 ? lost : paid(request))
      assert.strictEqual(yield* asked(action), "InDoubt")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* asked(action), "performed")
      const [first, second] = provider.requests
      assert.strictEqual(provider.requests.length, 2)
      assert.strictEqual(second?.call.key, first?.call.key)
      assert.deepStrictEqual([second?.call.attempt, second?.cents], [2, 1_200])
      assert.deepStrictEqual(yield* outcomesOf(action), ["in_doubt", "performed", "deduplicated"])
    })
  )

  story("is left in doubt by a refused connection: the first attempt may have been performed", (provider) =>
    Effect.gen(function* () {
      provider.answer = (_, number) => (number === 1 ? lost : unsent)
      yield* asked(action)
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(provider.requests.length, 2)
      assert.strictEqual(yield* asked(action), "InDoubt")
      assert.notInclude(yield* outcomesOf(action), "released")
    })
  )

  story("is left in doubt by a refusal, where the provider does not replay its first answer", (provider) =>
    Effect.gen(function* () {
      provider.answer = (_, number) => (number === 1 ? lost : declined)
      yield* asked(action)
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(yield* asked(action), "InDoubt")
      assert.notInclude(yield* outcomesOf(action), "refused")
    })
  )

  story("is settled by a refusal, where the provider replays its first answer", (provider) =>
    Effect.gen(function* () {
      const replayed = Replayed.propose(at, payload)
      provider.answer = (_, number) => (number === 1 ? lost : declined)
      yield* asked(replayed)
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(yield* asked(replayed), "CardRefused")
      assert.deepStrictEqual(yield* outcomesOf(replayed), ["in_doubt", "refused", "deduplicated"])
    })
  )

  story("is made as often as declared, later each time, and then left to a person", (provider) =>
    Effect.gen(function* () {
      provider.answer = () => lost
      yield* asked(action)
      const counts: Array<number> = []
      for (const wait of ["35 seconds", "65 seconds", "125 seconds", "30 minutes"] as const) {
        yield* TestClock.adjust(wait)
        counts.push(provider.requests.length)
      }
      assert.deepStrictEqual(counts, [2, 3, 4, 4])
      assert.strictEqual(yield* asked(action), "InDoubt")
    })
  )

  it.effect("is not made when the provider's window has closed while nobody could", () => {
    const { layer, provider } = makeProvider()
    return Effect.gen(function* () {
      provider.answer = () => lost
      yield* asked(action)
      // The window is an hour less ten minutes from the first attempt's claim.
      yield* TestClock.adjust("55 minutes")
      const recoverer = yield* Recoverer
      assert.strictEqual(yield* recoverer.recoverDue, 1)
      assert.strictEqual(provider.requests.length, 1)
      assert.strictEqual(yield* recoverer.recoverDue, 0)
      assert.strictEqual(yield* asked(action), "InDoubt")
    }).pipe(Effect.provide(Layer.provideMerge(layer, layerByHand)))
  })

  it.effect("whose claim took longer than the window's margin is not started, and is made anew", () => {
    const { layer, provider } = makeProvider()
    const trouble = makeTrouble()
    return Effect.gen(function* () {
      provider.answer = () => lost
      yield* asked(Replayed.propose(at, payload))
      // Of ten seconds' margin a fifth is kept back.
      trouble.before.set("resend", Effect.sleep("9 seconds"))
      yield* TestClock.adjust("55 seconds")
      assert.strictEqual(provider.requests.length, 1)
      trouble.before.delete("resend")
      yield* TestClock.adjust("3 minutes")
      assert.isAtLeast(provider.requests.length, 2)
    }).pipe(Effect.provide(Layer.provideMerge(layer, layerRuntime(trouble))))
  })

  story("waits for its turn in the lane, and nothing of the entity runs beside it", (provider) =>
    Effect.gen(function* () {
      provider.answer = (request, number) => (number === 1 ? lost : Effect.delay(paid(request), "5 seconds"))
      yield* asked(action)
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(provider.requests.length, 2)
      const other = yield* Effect.forkChild(
        asked(Resent.propose(at, { ...payload, occasion: "invoice-8" })),
        {
          startImmediately: true
        }
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(provider.requests.length, 2)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* Fiber.join(other), "performed")
    })
  )

  story("tells who asks meanwhile when to look again", (provider) =>
    Effect.gen(function* () {
      provider.answer = () => lost
      const error = yield* Effect.flip(execute(action))
      assert.strictEqual(error._tag, "InDoubt")
      if (error._tag !== "InDoubt") return
      assert.isFalse(error.safeToRetry)
      assert.strictEqual(error.checkAfter?.epochMilliseconds, 30_000)
      assert.strictEqual(error.receipt.checkAfter?.epochMilliseconds, 30_000)
    })
  )
})

describe("a lookup", () => {
  const action = LookedUp.propose(at, payload)

  story("that finds the effect settles the key with what the provider has", (provider) =>
    Effect.gen(function* () {
      provider.answer = () => lost
      provider.known = () => Effect.succeedSome({ payment: "p-77" })
      yield* asked(action)
      yield* TestClock.adjust("40 seconds")
      const { output, receipt } = yield* execute(action)
      assert.strictEqual(receipt.outcome, "resolved")
      assert.deepStrictEqual(output, Option.some({ payment: "p-77" }))
      assert.strictEqual(provider.requests.length, 1)
      assert.strictEqual(provider.lookups[0]?.call.key, provider.requests[0]?.call.key)
    })
  )

  story("that finds nothing proves nothing, however often", (provider) =>
    Effect.gen(function* () {
      provider.answer = () => lost
      yield* asked(action)
      yield* TestClock.adjust("2 hours")
      assert.isAtLeast(provider.lookups.length, 6)
      const doubt = yield* Effect.flip(execute(action))
      assert.strictEqual(doubt._tag, "InDoubt")
      // Not the doubt's first one, which has passed: the next.
      const next = doubt._tag === "InDoubt" ? doubt.checkAfter?.epochMilliseconds : undefined
      assert.isAbove(next ?? 0, yield* Clock.currentTimeMillis)
      assert.strictEqual(provider.requests.length, 1)
    })
  )

  story("that finds nothing after the declared time frees the key, on the word of its author", (provider) =>
    Effect.gen(function* () {
      const letGo = LetGo.propose(at, payload)
      provider.answer = () => lost
      yield* asked(letGo)
      yield* TestClock.adjust("9 minutes")
      assert.strictEqual(yield* asked(letGo), "InDoubt")
      yield* TestClock.adjust("10 minutes")
      const log = yield* ReceiptLog
      const released = (yield* log.byKey(letGo.key)).find(({ outcome }) => outcome === "released")
      assert.strictEqual(released?.proof, "testimony")
      provider.answer = paid
      assert.strictEqual(yield* asked(letGo), "performed")
      assert.strictEqual(provider.requests[1]?.call.key, provider.requests[0]?.call.key)
    })
  )

  it.effect("that began too early does not free the key, though it ends late", () => {
    const { layer, provider } = makeProvider()
    return Effect.gen(function* () {
      const recoverer = yield* Recoverer
      const letGo = LetGo.propose(at, payload)
      provider.answer = () => lost
      yield* asked(letGo)
      provider.known = () => Effect.delay(Effect.succeedNone, "9 seconds")
      // From five seconds before the tenth minute to four seconds after it.
      yield* TestClock.adjust("595 seconds")
      const tooEarly = yield* Effect.forkChild(recoverer.recoverDue, { startImmediately: true })
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* Fiber.join(tooEarly), 1)
      assert.deepStrictEqual(yield* outcomesOf(letGo), ["in_doubt"])
      yield* TestClock.adjust("2 minutes")
      const inTime = yield* Effect.forkChild(recoverer.recoverDue, { startImmediately: true })
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* Fiber.join(inTime), 1)
      assert.include(yield* outcomesOf(letGo), "released")
    }).pipe(Effect.provide(Layer.provideMerge(layer, layerByHand)))
  })

  story("that gets no answer within the deadline is interrupted", (provider) =>
    Effect.gen(function* () {
      let interrupted = 0
      provider.answer = () => lost
      provider.known = () =>
        Effect.onInterrupt(Effect.never, () =>
          Effect.sync(() => {
            interrupted += 1
          })
        )
      yield* asked(action)
      yield* TestClock.adjust("39 seconds")
      assert.deepStrictEqual([provider.lookups.length, interrupted], [1, 0])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([provider.lookups.length, interrupted], [1, 1])
    })
  )

  story("that can't be made is made again later", (provider) =>
    Effect.gen(function* () {
      provider.answer = () => lost
      let looks = 0
      provider.known = () => {
        looks += 1
        return looks < 3 ? Effect.die("the provider's list is down") : Effect.succeedSome({ payment: "p-1" })
      }
      yield* asked(action)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* asked(action), "resolved")
      assert.strictEqual(looks, 3)
    })
  )
})

describe("a slow provider", () => {
  story("keeps nobody else's doubt waiting", (provider) =>
    Effect.gen(function* () {
      const slow = Resent.propose(Account.at("slow"), payload)
      const quick = Resent.propose(Account.at("quick"), payload)
      provider.answer = () => lost
      yield* asked(slow)
      yield* TestClock.adjust("5 seconds")
      yield* asked(quick)
      provider.answer = (request) => (request.call.entity.id === "slow" ? Effect.never : paid(request))
      yield* TestClock.adjust("26 seconds")
      // The slow one's resend hangs from its 30th second to its deadline in the 40th.
      assert.deepStrictEqual(
        provider.requests.map(({ call }) => call.entity.id),
        ["slow", "quick", "slow"]
      )
      yield* TestClock.adjust("8 seconds")
      assert.strictEqual(yield* asked(quick), "performed")
    })
  )
})

describe("on start", () => {
  it.effect("a runtime deals at once with the doubts that an earlier one left", () =>
    Effect.gen(function* () {
      const ledger = yield* Layer.build(LedgerMemory.layer)
      const runtime = () => {
        const { layer, provider } = makeProvider()
        const kernel = Layer.fresh(Runtime.layer).pipe(
          Layer.provideMerge(Layer.succeedContext(ledger)),
          Layer.provide(Settings.layer({ drainMillis: 0 }))
        )
        return { provider, layer: Layer.provideMerge(layer, kernel) }
      }
      const action = Resent.propose(at, payload)
      const first = runtime()
      first.provider.answer = () => lost
      yield* Effect.provide(asked(action), first.layer)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(first.provider.requests.length, 1)
      const second = runtime()
      const late = LookedUp.propose(Account.at("2"), payload)
      second.provider.answer = () => lost
      yield* Effect.provide(asked(late), second.layer)
      yield* TestClock.adjust("1 minute")
      const third = runtime()
      third.provider.known = () => Effect.succeedSome({ payment: "p-1" })
      const answer = yield* Effect.provide(
        Effect.andThen(TestClock.adjust("1 millis"), asked(late)),
        third.layer
      )
      assert.strictEqual(answer, "resolved")
      assert.strictEqual(third.provider.requests.length, 0)
    })
  )
})
