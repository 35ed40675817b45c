/**
 * What a look-up says: a payment or a refund by the key that it carries, nothing on Stripe's word alone, and
 * a failure wherever nobody can tell.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result, Schema } from "effect"
import * as Stripe from "fibric/connectors/stripe"
import { answering, answerOf, callFor } from "./http-support.ts"
import type { FakeIntent } from "./stripe-account.ts"
import { posts, stripeFake } from "./stripe-fake.ts"
import { local, visa } from "./stripe-support.ts"

const call = callFor("fibric-key-1")

type Fake = Effect.Success<ReturnType<typeof stripeFake>>

const intent = (number: number, key: string, status = "succeeded"): FakeIntent => ({
  id: `pi_${number}`,
  object: "payment_intent",
  amount: 4_200,
  currency: "eur",
  customer: visa.customer,
  client_secret: `pi_${number}_secret_4471`,
  metadata: { fibric_key: key },
  key,
  createdMillis: 0,
  status
})

/** What is said about the call's payment where these are there, in one line. */
const said = <A>(result: Result.Result<Option.Option<A>, { readonly message: string }>): string =>
  Result.isFailure(result)
    ? result.failure.message
    : Option.match(result.success, {
        onNone: () => "nothing",
        onSome: (found) => JSON.stringify(found)
      })

const asking = <A, E>(fake: Fake, ask: (stripe: Stripe.Stripe["Service"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(Stripe.Stripe, ask).pipe(Effect.result, Effect.provide(Stripe.layer(local(fake.port))))

const byCustomer = Effect.fnUntraced(function* (...intents: ReadonlyArray<FakeIntent>) {
  const fake = yield* stripeFake()
  fake.account.intents.push(...intents)
  const result = yield* asking(fake, (stripe) => stripe.findPayment({ customer: visa.customer }, call))
  return { said: said(result), requests: fake.heard.length }
})

const many = (count: number) => Array.from({ length: count }, (_, index) => intent(index, "other"))

describe("a look-up of a payment by its customer", () => {
  const cases = [
    ["succeeded", /"status":"succeeded"/],
    ["processing", /"status":"processing"/],
    ["requires_capture", /"status":"requires_capture"/],
    ["requires_payment_method", /^nothing$/],
    ["canceled", /^nothing$/],
    ["requires_action", /could not be asked.*pi_1 has status requires_action/],
    ["requires_confirmation", /could not be asked.*pi_1 has status requires_confirmation/],
    ["of_tomorrow", /could not be asked.*pi_1 has status of_tomorrow/]
  ] as const
  for (const [status, pattern] of cases) {
    it.live(`that finds one with status ${status} says so`, () =>
      Effect.gen(function* () {
        assert.match((yield* byCustomer(intent(1, call.key, status))).said, pattern)
      })
    )
  }

  it.live("finds the payment that was made, although one that failed carries the key too", () =>
    Effect.gen(function* () {
      const failed = intent(2, call.key, "requires_payment_method")
      assert.include((yield* byCustomer(intent(1, call.key), failed)).said, `"payment":"pi_1"`)
    })
  )

  it.live("says that it can't tell where one waits for the customer, although a newer one is cancelled", () =>
    Effect.gen(function* () {
      const open = intent(1, call.key, "requires_action")
      const { said } = yield* byCustomer(open, intent(2, call.key, "canceled"))
      assert.match(said, /could not be asked.*pi_1 has status requires_action/)
    })
  )

  it.live("says nothing where there are only others", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* byCustomer(...many(100)), { said: "nothing", requests: 1 })
    })
  )

  it.live("goes on to the next pages, each of them once", () =>
    Effect.gen(function* () {
      const seen = yield* byCustomer(intent(9_999, call.key), ...many(250))
      assert.include(seen.said, `"payment":"pi_9999"`)
      assert.strictEqual(seen.requests, 3)
    })
  )

  it.live("says that it can't tell where a thousand others are newer", () =>
    Effect.gen(function* () {
      const seen = yield* byCustomer(intent(9_999, call.key), ...many(1_000))
      assert.include(seen.said, "not among the newest 1000, and there are more")
      assert.strictEqual(seen.requests, 10)
    })
  )
})

describe("a look-up of a payment by search", () => {
  it.live("takes only the very key, although search does not tell upper from lower case", () =>
    Effect.gen(function* () {
      const fake = yield* stripeFake()
      fake.account.intents.push(intent(1, call.key.toUpperCase()))
      const find = (stripe: Stripe.Stripe["Service"]) => stripe.findPayment({}, call)
      assert.strictEqual(said(yield* asking(fake, find)), "nothing")
      fake.account.intents.push(intent(2, call.key))
      assert.include(said(yield* asking(fake, find)), `"payment":"pi_2"`)
    })
  )
})

describe("a look-up of a payment by search whose answer has more than a page", () => {
  const alike = (count: number) =>
    Array.from({ length: count }, (_, index) => intent(index + 10, call.key.toUpperCase()))
  const find = (stripe: Stripe.Stripe["Service"]) => stripe.findPayment({}, call)

  for (const [others, pattern] of [
    [99, /"payment":"pi_1"/],
    [100, /could not be asked.*there are more/]
  ] as const) {
    it.live(`says what is on the first, after ${others} others`, () =>
      Effect.gen(function* () {
        const fake = yield* stripeFake()
        fake.account.intents.push(intent(1, call.key), ...alike(others))
        assert.match(said(yield* asking(fake, find)), pattern)
      })
    )
  }
})

describe("a look-up of a refund", () => {
  for (const [status, pattern] of [
    ["succeeded", /"refund":"re_1"/],
    ["pending", /"status":"pending"/],
    ["requires_action", /"status":"requires_action"/],
    ["failed", /could not be asked.*re_1 was made and has status failed/],
    ["canceled", /could not be asked.*re_1 was made and has status canceled/]
  ] as const) {
    it.live(`that finds one with status ${status} says so`, () =>
      Effect.gen(function* () {
        const fake = yield* stripeFake()
        const refund = { ...intent(1, call.key, status), id: "re_1", object: "refund" } as const
        fake.account.refunds.push({ ...refund, payment_intent: "pi_1" })
        const find = (stripe: Stripe.Stripe["Service"]) => stripe.findRefund({ payment: "pi_1" }, call)
        assert.match(said(yield* asking(fake, find)), pattern)
        assert.strictEqual(posts(fake), 0)
      })
    )
  }
})

describe("a look-up that is not answered", () => {
  it.live("fails, whatever the answer is, and never says nothing", () =>
    Effect.gen(function* () {
      const fake = yield* stripeFake()
      const stripe = Stripe.layer(local(fake.port, { url: `http://127.0.0.1:${fake.port}/v2` }))
      const result = yield* Effect.flatMap(Stripe.Stripe, (stripe) =>
        stripe.findPayment({ customer: visa.customer }, call)
      ).pipe(Effect.result, Effect.provide(stripe))
      assert.include(said(result), "could not be asked what became of it: it answered 404")
    })
  )
})

describe("an answer that is none", () => {
  const told = <A>(found: Stripe.Found<A>) => Effect.map(Effect.result(found), said)
  const secret = intent(1, call.key).client_secret
  const broken = `{"object":"list","data":[{"client_secret":"${secret}"`
  for (const [what, status, body] of [
    ["an error with a payment in it", 402, `{"error":{"type":"card_error","payment_intent":${broken}}]}}}`],
    ["an error in another form", 500, `${broken}}]}`],
    ["a list in another form", 200, `${broken}}]}`],
    ["a list that is no JSON", 200, broken]
  ] as const) {
    it.live(`(${what}) is told with its status and never with its body`, () =>
      Effect.gen(function* () {
        const { port } = yield* answering(answerOf(status, body, ["Request-Id: req_1"]))
        const found = yield* Effect.flatMap(Stripe.Stripe, (stripe) =>
          Effect.all([
            told(stripe.findPayment({ customer: visa.customer }, call)),
            told(stripe.findPayment({}, call)),
            told(stripe.findRefund({ payment: "pi_1" }, call)),
            told(
              stripe.lookUp(
                { path: ["balance"], body: Schema.Struct({ id: Schema.String }), found: Option.some },
                call
              )
            )
          ])
        ).pipe(Effect.provide(Stripe.layer(local(port))))
        for (const sentence of found) {
          assert.match(sentence, new RegExp(`could not be asked.*answered ${status}.*req_1`))
          assert.notInclude(sentence, secret)
        }
      })
    )
  }
})

describe("a question of one's own", () => {
  it.live("is a GET without a key", () =>
    Effect.gen(function* () {
      const fake = yield* stripeFake()
      fake.account.intents.push(intent(1, call.key))
      const result = yield* asking(fake, (stripe) =>
        stripe.lookUp(
          {
            path: ["payment_intents"],
            query: { customer: visa.customer },
            body: Schema.Struct({ data: Schema.Array(Schema.Struct({ id: Schema.String })) }),
            found: ({ data }) => Option.fromUndefinedOr(data[0])
          },
          call
        )
      )
      assert.strictEqual(said(result), `{"id":"pi_1"}`)
      const [heard] = fake.heard
      assert.deepStrictEqual([heard?.method, heard?.headers["idempotency-key"]], ["GET", undefined])
    })
  )
})
