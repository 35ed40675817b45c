/**
 * Stripe under the executor: what lost answers, saved errors and forgotten keys become for whoever asks, and
 * how often the customer is charged.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import {
  type Action,
  type Capability,
  execute,
  Fibric,
  Recoverer,
  Settings,
  Verdicts,
  Operator
} from "fibric"
import * as Stripe from "fibric/connectors/stripe"
import { cutWhen, make as makeProxy, pass } from "../../src/testing/TcpProxy.ts"
import { callFor } from "./http-support.ts"
import { posts, stripeFake } from "./stripe-fake.ts"
import { at, full, local } from "./stripe-support.ts"

// Doubts are dealt with when a test says so: what happens on a wire takes real time.
const slow = { recoverMillis: 1_000_000_000, drainMillis: 0 }

// A day has many beats, and nothing depends on them here.
const aDay = {
  ...slow,
  leaseMillis: 400_000_000,
  beatMillis: 100_000_000,
  reapMillis: 100_000_000,
  sealMillis: 100_000_000
}

const over = (port: number, settings: Parameters<typeof Settings.layer>[0] = slow) =>
  Layer.provideMerge(Stripe.layerPayments, Stripe.layer(local(port))).pipe(
    Layer.provideMerge(Fibric.layerMemory),
    Layer.provide(Settings.layer(settings))
  )

const lookingUp = (port: number, settings: Parameters<typeof Settings.layer>[0] = slow) =>
  Layer.provideMerge(Stripe.layerPaymentsLookedUp, Stripe.layer(local(port))).pipe(
    Layer.provideMerge(Fibric.layerMemory),
    Layer.provide(Settings.layer(settings))
  )

/** A fake behind a wire on which the first answer is lost. */
const lossy = Effect.gen(function* () {
  const fake = yield* stripeFake()
  const proxy = yield* makeProxy(fake.port)
  const lost = cutWhen("server", /^HTTP/, "before", "reset")
  yield* proxy.setRule((connection) => (connection === 1 ? lost : pass))
  return { ...fake, proxy }
})

const findPayment = (key: string, customer: string) =>
  Effect.flatMap(Stripe.Stripe, (stripe) => stripe.findPayment({ customer }, callFor(key)))

/** A turn of the event loop, in which what has arrived is read. */
const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** The outcome for one request, or the error's tag. */
const asked = <C extends Capability.Any>(action: Action.Action<C>) =>
  Effect.map(Effect.result(execute(action)), (answer) =>
    answer._tag === "Success"
      ? answer.success.receipt.outcome
      : (answer.failure as { readonly _tag: string })._tag
  )

const recovered = (wait: Parameters<typeof TestClock.adjust>[0]) =>
  Effect.gen(function* () {
    yield* TestClock.adjust(wait)
    return yield* (yield* Recoverer).recoverDue
  })

const payment = Stripe.createPayment.propose(at, full)
const lookedUp = Stripe.createPaymentLookedUp.propose(at, full)

const tooSmall = Stripe.createPayment.propose(at, { ...full, amount: 49 })

describe("a payment whose answer is lost", () => {
  it.effect("is sent again under its key, and is the same payment, charged once", () =>
    Effect.gen(function* () {
      const fake = yield* lossy
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* asked(payment), "InDoubt")
        assert.strictEqual(yield* recovered("31 seconds"), 1)
        const { output, receipt } = yield* execute(payment)
        assert.strictEqual(receipt.outcome, "performed")
        assert.strictEqual(Option.getOrThrow(output).payment, "pi_1")
      }).pipe(Effect.provide(over(fake.proxy.port)))
      assert.strictEqual((yield* fake.effects).length, 1)
      const [first, second, ...more] = fake.heard
      assert.deepStrictEqual(
        [second?.body, second?.headers["idempotency-key"], more.length],
        [first?.body, first?.headers["idempotency-key"], 0]
      )
    })
  )

  it.effect("is refused once it is known that it was declined", () =>
    Effect.gen(function* () {
      const fake = yield* lossy
      const declined = Stripe.createPayment.propose(at, { ...full, paymentMethod: "pm_card_chargeDeclined" })
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* asked(declined), "InDoubt")
        yield* recovered("31 seconds")
        assert.strictEqual(yield* asked(declined), "StripeRefused")
      }).pipe(Effect.provide(over(fake.proxy.port)))
      assert.deepStrictEqual([(yield* fake.effects).length, fake.account.intents.length], [0, 1])
    })
  )

  it.effect("is refused once it is known that it was not valid, which Stripe does not save", () =>
    Effect.gen(function* () {
      const fake = yield* lossy
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* asked(tooSmall), "InDoubt")
        yield* recovered("31 seconds")
        assert.strictEqual(yield* asked(tooSmall), "StripeRefused")
      }).pipe(Effect.provide(over(fake.proxy.port)))
      assert.deepStrictEqual([fake.account.intents.length, posts(fake)], [0, 2])
    })
  )

  it.effect(
    "is never sent again once Stripe may have forgotten the key: a person looks it up and says so",
    () =>
      Effect.gen(function* () {
        const fake = yield* lossy
        yield* Effect.gen(function* () {
          assert.strictEqual(yield* asked(payment), "InDoubt")
          yield* fake.pass("25 hours")
          yield* recovered("25 hours")
          assert.strictEqual(yield* recovered("1 hour"), 0)
          assert.strictEqual(yield* asked(payment), "InDoubt")
          assert.strictEqual(posts(fake), 1)
          // Stripe's dashboard shows it with the payment.
          const key = fake.account.intents[0]?.metadata[Stripe.keyName] ?? ""
          const output = Option.getOrThrow(yield* findPayment(key, full.customer))
          yield* (yield* Verdicts)
            .itHappened(payment, { attempt: 1, reason: "pi_1 is there", output })
            .pipe(Operator.as("dana"))
          assert.deepStrictEqual(Option.getOrUndefined((yield* execute(payment)).output), output)
        }).pipe(Effect.provide(over(fake.proxy.port, aDay)))
        assert.strictEqual((yield* fake.effects).length, 1)
      })
  )

  it.effect("is found by a look-up long after Stripe has forgotten the key", () =>
    Effect.gen(function* () {
      const fake = yield* lossy
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* asked(lookedUp), "InDoubt")
        yield* fake.pass("25 hours")
        assert.strictEqual(yield* recovered("25 hours"), 1)
        assert.strictEqual(yield* asked(lookedUp), "resolved")
      }).pipe(Effect.provide(lookingUp(fake.proxy.port, aDay)))
      assert.deepStrictEqual([(yield* fake.effects).length, posts(fake)], [1, 1])
    })
  )

  it.effect("is found by search once search shows it, where no customer narrows it down", () =>
    Effect.gen(function* () {
      const fake = yield* lossy
      const { customer: _, ...guest } = full
      const action = Stripe.createPaymentLookedUp.propose(at, guest)
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* asked(action), "InDoubt")
        yield* recovered("31 seconds")
        assert.strictEqual(yield* asked(action), "InDoubt")
        yield* fake.pass("1 minute")
        yield* recovered("2 minutes")
        assert.strictEqual(yield* asked(action), "resolved")
      }).pipe(Effect.provide(lookingUp(fake.proxy.port)))
      assert.deepStrictEqual([(yield* fake.effects).length, posts(fake)], [1, 1])
    })
  )
})

describe("a payment that Stripe answers with a 500", () => {
  it.effect("is in doubt, and sending it again brings the saved 500 and no second charge", () =>
    Effect.gen(function* () {
      const fake = yield* stripeFake()
      yield* fake.trouble("fails after")
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* asked(payment), "InDoubt")
        assert.strictEqual(yield* recovered("31 seconds"), 1)
        assert.strictEqual(yield* asked(payment), "InDoubt")
      }).pipe(Effect.provide(over(fake.port)))
      assert.deepStrictEqual([(yield* fake.effects).length, posts(fake)], [1, 2])
    })
  )

  it.effect("is found by a look-up, if it was made", () =>
    Effect.gen(function* () {
      const fake = yield* stripeFake()
      yield* fake.trouble("fails after")
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* asked(lookedUp), "InDoubt")
        yield* recovered("31 seconds")
        assert.strictEqual(yield* asked(lookedUp), "resolved")
      }).pipe(Effect.provide(lookingUp(fake.port)))
      assert.deepStrictEqual([(yield* fake.effects).length, posts(fake)], [1, 1])
    })
  )

  it.effect("stays in doubt if it was not made: that nothing is found proves nothing", () =>
    Effect.gen(function* () {
      const fake = yield* stripeFake()
      yield* fake.trouble("fails before")
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* asked(lookedUp), "InDoubt")
        yield* recovered("1 hour")
        assert.strictEqual(yield* asked(lookedUp), "InDoubt")
      }).pipe(Effect.provide(lookingUp(fake.port)))
      assert.deepStrictEqual([(yield* fake.effects).length, posts(fake)], [0, 1])
    })
  )
})

describe("a payment whose key Stripe knows otherwise", () => {
  it.effect("is in doubt and never refused where the parameters have changed", () =>
    Effect.gen(function* () {
      const fake = yield* stripeFake()
      assert.strictEqual(yield* Effect.provide(asked(payment), over(fake.port)), "performed")
      // A ledger that has lost its rows makes the same key for the same intention, and a price has changed.
      const dearer = Stripe.createPayment.propose(at, { ...full, amount: 4_900 })
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* asked(dearer), "InDoubt")
        yield* recovered("31 seconds")
        assert.strictEqual(yield* asked(dearer), "InDoubt")
      }).pipe(Effect.provide(over(fake.port)))
      assert.deepStrictEqual([(yield* fake.effects).length, posts(fake)], [1, 3])
    })
  )

  it.effect("is in doubt while the first request is still carried out, and done once that has answered", () =>
    Effect.gen(function* () {
      const fake = yield* stripeFake()
      yield* fake.trouble("hangs")
      yield* Effect.gen(function* () {
        const asking = yield* Effect.forkChild(asked(payment))
        while (posts(fake) < 1) yield* turn
        yield* TestClock.adjust("90 seconds")
        assert.strictEqual(yield* Fiber.join(asking), "InDoubt")
        yield* recovered("31 seconds")
        assert.deepStrictEqual([yield* asked(payment), posts(fake)], ["InDoubt", 2])
        yield* fake.letGo
        yield* recovered("3 minutes")
        assert.strictEqual(yield* asked(payment), "performed")
      }).pipe(Effect.provide(over(fake.port)))
      assert.strictEqual((yield* fake.effects).length, 1)
    })
  )

  for (const [trouble, outcome] of [
    ["is limited", "NotPerformed"],
    ["is locked", "InDoubt"]
  ] as const) {
    it.effect(`comes to ${outcome} where it ${trouble}, and to one charge in the end`, () =>
      Effect.gen(function* () {
        const fake = yield* stripeFake()
        yield* fake.trouble(trouble)
        yield* Effect.gen(function* () {
          assert.strictEqual(yield* asked(payment), outcome)
          yield* recovered("31 seconds")
          assert.strictEqual(yield* asked(payment), "performed")
        }).pipe(Effect.provide(over(fake.port)))
        assert.deepStrictEqual([(yield* fake.effects).length, posts(fake)], [1, 2])
      })
    )
  }
})

describe("a payment that did not get in at first", () => {
  for (const [what, action] of [
    ["not valid", tooSmall],
    ["declined", Stripe.createPayment.propose(at, { ...full, paymentMethod: "pm_card_chargeDeclined" })]
  ] as const) {
    it.effect(`is refused by the first answer to its next key where it is ${what}`, () =>
      Effect.gen(function* () {
        const fake = yield* stripeFake()
        yield* fake.trouble("is limited")
        const outcomes = yield* Effect.gen(function* () {
          return [yield* asked(action), yield* asked(action)]
        }).pipe(Effect.provide(over(fake.port)))
        assert.deepStrictEqual(outcomes, ["NotPerformed", "StripeRefused"])
        assert.strictEqual(new Set(fake.heard.map(({ headers }) => headers["idempotency-key"])).size, 2)
      })
    )
  }
})

describe("a purchase", () => {
  it.effect("is paid once for 657 asks", () =>
    Effect.gen(function* () {
      const fake = yield* stripeFake()
      const answers = yield* Effect.all(
        Array.from({ length: 657 }, () => execute(payment)),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(over(fake.port)))
      assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
      assert.deepStrictEqual([(yield* fake.effects).length, posts(fake)], [1, 1])
    })
  )

  it.effect("is refunded in parts, each of them once, and never by more than was paid", () =>
    Effect.gen(function* () {
      const fake = yield* stripeFake()
      const part = (refund: string, amount: number) =>
        asked(Stripe.refundPayment.propose(at, { refund, payment: "pi_1", amount }))
      const outcomes = yield* Effect.gen(function* () {
        yield* execute(payment)
        return [
          yield* part("return 17", 1_200),
          yield* part("return 18", 1_200),
          yield* part("return 17", 1_200),
          yield* part("return 19", 4_000)
        ]
      }).pipe(Effect.provide(over(fake.port)))
      assert.deepStrictEqual(outcomes, ["performed", "performed", "performed", "StripeRefused"])
      assert.deepStrictEqual(
        fake.account.refunds.map(({ amount }) => amount),
        [1_200, 1_200]
      )
    })
  )

  it.effect("is not refunded while a payment of it is in doubt", () =>
    Effect.gen(function* () {
      const fake = yield* lossy
      const outcomes = yield* Effect.gen(function* () {
        const refund = Stripe.refundPayment.propose(at, { refund: "return 17", payment: "pi_1" })
        const before = [yield* asked(payment), yield* asked(refund)]
        yield* recovered("31 seconds")
        return [...before, yield* asked(refund)]
      }).pipe(Effect.provide(over(fake.proxy.port)))
      assert.deepStrictEqual(outcomes, ["InDoubt", "LaneHeld", "performed"])
      assert.strictEqual(fake.account.refunds.length, 1)
    })
  )
})
