/**
 * What Stripe's answers prove: each documented one, and those that only look like one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import type { NotPerformed, OutcomeUnknown } from "fibric"
import * as Stripe from "fibric/connectors/stripe"
import { answering, answerOf, callFor, outcomeOf, reasonOf } from "./http-support.ts"
import { local, visa } from "./stripe-support.ts"

const call = callFor("fibric-key-1")

const intent = (status: string, more: object = {}): object => ({
  id: "pi_1",
  object: "payment_intent",
  amount: 4_200,
  currency: "eur",
  status,
  client_secret: "pi_1_secret_4471",
  metadata: { order: "4471", fibric_key: call.key },
  ...more
})

const refund = (status: string, key = call.key): object => ({
  id: "re_1",
  object: "refund",
  amount: 4_200,
  currency: "eur",
  payment_intent: "pi_1",
  status,
  metadata: { fibric_key: key }
})

const error = (type: string, code?: string, more: object = {}): object => ({
  error: { type, ...(code === undefined ? {} : { code }), message: "Words of Stripe's.", ...more }
})

type Verb = "pay" | "refund" | "perform"
type Ended = Result.Result<unknown, Stripe.StripeRefused | NotPerformed | OutcomeUnknown>

/** What one call comes to where Stripe answers like this. */
const answered = Effect.fnUntraced(function* (
  status: number,
  body: object | string,
  headers: ReadonlyArray<string> = [],
  verb: Verb = "pay"
) {
  const said = typeof body === "string" ? body : JSON.stringify(body)
  const { connections, heard, port } = yield* answering(answerOf(status, said, headers))
  const result: Ended = yield* Effect.gen(function* (): Effect.fn.Return<Ended, never, Stripe.Stripe> {
    const stripe = yield* Stripe.Stripe
    if (verb === "pay") return yield* Effect.result(stripe.pay(visa, call))
    if (verb === "refund") return yield* Effect.result(stripe.refund({ payment: "pi_1" }, call))
    const change = { path: ["customers"], fields: {}, success: Schema.Struct({ id: Schema.String }) }
    return yield* Effect.result(stripe.perform(change, call))
  }).pipe(Effect.provide(Stripe.layer(local(port))))
  assert.strictEqual(connections(), 1)
  return { result, outcome: outcomeOf(result), reason: reasonOf(result), heard: heard().join("") }
})

const refused = "StripeRefused"
const free = "NotPerformed provider_denies"
const unknown = "OutcomeUnknown"

type Row = readonly [
  sentence: string,
  outcome: string,
  status: number,
  body: object | string,
  headers?: ReadonlyArray<string>
]

const invalid = (code: string) => error("invalid_request_error", code)
const limitedBy = (limiter: string) => `Stripe-Rate-Limited-Reason: ${limiter}`
const card = (status: string) => error("card_error", "card_declined", { payment_intent: intent(status) })

const rows: ReadonlyArray<Row> = [
  ["a payment that succeeded", "done", 200, intent("succeeded")],
  ["a payment that is processed for days", "done", 200, intent("processing")],
  ["a payment that is held", "done", 200, intent("requires_capture")],
  ["a payment that waits for the customer", unknown, 200, intent("requires_action")],
  ["a payment that waits for a confirmation", unknown, 200, intent("requires_confirmation")],
  ["a payment without a method", unknown, 200, intent("requires_payment_method")],
  ["a cancelled payment", unknown, 200, intent("canceled")],
  ["a payment in a status of tomorrow", unknown, 200, intent("requires_patience")],
  ["a payment under another key", unknown, 200, intent("succeeded", { metadata: { fibric_key: "other" } })],
  ["a payment under no key", unknown, 200, intent("succeeded", { metadata: {} })],
  ["a 200 with another object", unknown, 200, { object: "list", data: [] }],
  ["a 200 with no JSON", unknown, 200, "<html>Sign in to the network</html>"],
  ["a 201", unknown, 201, intent("succeeded")],
  ["a redirect", unknown, 302, intent("succeeded"), ["Location: https://api.stripe.com/v1"]],
  ["bad parameters", refused, 400, invalid("amount_too_small")],
  ["the same key with other parameters", unknown, 400, error("idempotency_error")],
  ["a key in use, by whatever status", unknown, 400, invalid("idempotency_key_in_use")],
  ["an error of Stripe's own in a 400", unknown, 400, error("api_error")],
  ["a 400 in another form", unknown, 400, { message: "Bad request" }],
  ["no valid API key", free, 401, invalid("api_key_expired")],
  ["a declined card", refused, 402, card("requires_payment_method")],
  ["a declined card, the payment cancelled", refused, 402, card("canceled")],
  ["a failed request without a payment", refused, 402, error("card_error", "expired_card")],
  ["a declined card although the payment goes on", unknown, 402, card("processing")],
  ["a declined card while the customer may still act", unknown, 402, card("requires_action")],
  ["a 402 in another form", unknown, 402, "Payment required"],
  ["an API key that may not", free, 403, error("invalid_request_error")],
  ["something that isn't there", free, 404, invalid("resource_missing")],
  ["a 404 in another form", unknown, 404, "Not found"],
  ["a key in use", unknown, 409, error("idempotency_error", "idempotency_key_in_use")],
  ["a conflict", unknown, 409, error("invalid_request_error")],
  ["a failure of what Stripe depends on", unknown, 424, error("api_error")],
  ["a limit by its code", free, 429, invalid("rate_limit")],
  ["a limit by its header", free, 429, error("invalid_request_error"), [limitedBy("endpoint-rate")]],
  ["a limit of one object", unknown, 429, error("invalid_request_error"), [limitedBy("resource-specific")]],
  ["a lock that could not be had", unknown, 429, invalid("lock_timeout")],
  ["a lock, whatever limit is named", unknown, 429, invalid("lock_timeout"), [limitedBy("global-rate")]],
  ["a 429 without a name", unknown, 429, error("invalid_request_error")],
  ["a 429 in another form", unknown, 429, "Slow down"],
  ["a 500", unknown, 500, error("api_error")],
  ["a 500 that says not to retry", unknown, 500, error("api_error"), ["Stripe-Should-Retry: false"]],
  ["a replayed 500", unknown, 500, error("api_error"), ["Idempotent-Replayed: true"]],
  ["a refusal in a 503", unknown, 503, invalid("rate_limit")],
  ["a status of tomorrow", unknown, 418, error("invalid_request_error")]
]

describe("an answer to a payment", () => {
  for (const [sentence, outcome, status, body, headers] of rows) {
    it.live(`that is ${sentence} (${status}) is ${outcome}, and is asked for once`, () =>
      Effect.gen(function* () {
        const seen = yield* answered(status, body, headers)
        assert.strictEqual(seen.outcome, outcome)
        // It lets whoever has it pay.
        assert.notInclude(JSON.stringify([seen.result, seen.reason]), "_secret_")
      })
    )
  }

  it.live("is told with its status, and with nothing that lets anybody pay", () =>
    Effect.gen(function* () {
      const { result } = yield* answered(200, intent("processing"))
      const output = { payment: "pi_1", status: "processing", amount: 4_200, currency: "eur" } as const
      assert.deepStrictEqual(result, Result.succeed(output))
    })
  )

  it.live("that is a refusal is told with why, by whom, and where to look", () =>
    Effect.gen(function* () {
      const declined = error("card_error", "card_declined", {
        decline_code: "insufficient_funds",
        message: "Your card\u0007 has insufficient\nfunds.",
        payment_intent: intent("requires_payment_method")
      })
      const { result } = yield* answered(402, declined, ["Request-Id: req_1"])
      const failure = Result.isFailure(result) ? { ...result.failure } : {}
      assert.deepInclude(failure, {
        type: "card_error",
        code: "card_declined",
        declineCode: "insufficient_funds",
        said: "Your card has insufficient funds.",
        payment: "pi_1",
        request: "req_1"
      })
    })
  )

  it.live("has in no part of what is told of it more than a line, also where it succeeded", () =>
    Effect.gen(function* () {
      const long = `one\u0000\u0007\ntwo${"x".repeat(100_000)}`
      const declined = error("card_error", long, {
        decline_code: long,
        payment_intent: { id: long, status: "canceled" }
      })
      const seen = [
        yield* answered(402, declined),
        yield* answered(200, intent("succeeded", { id: long, currency: long })),
        yield* answered(200, { ...refund("pending"), id: long, payment_intent: long }, [], "refund"),
        yield* answered(200, { ...refund("failed"), failure_reason: long }, [], "refund"),
        yield* answered(200, intent(long, { id: long }))
      ]
      assert.deepStrictEqual(
        seen.map(({ outcome }) => outcome),
        [refused, "done", "done", refused, unknown]
      )
      for (const { result } of seen) {
        const told = JSON.stringify(Result.isFailure(result) ? { ...result.failure } : result.success)
        assert.isBelow(told.length, 1_500)
        assert.notMatch(told, /\\u0000|\\u0007|\\n/)
      }
    })
  )

  it.live(
    "that proves nothing says which request to look for in Stripe's log, and which key in its dashboard",
    () =>
      Effect.gen(function* () {
        const { reason } = yield* answered(500, error("api_error"), ["Request-Id: req_1"])
        assert.strictEqual(
          reason,
          "Stripe answered 500 api_error Words of Stripe's. (req_1); look for the metadata fibric_key fibric-key-1"
        )
      })
  )
})

describe("an answer to a refund", () => {
  const cases = [
    ["succeeded", "done"],
    ["pending", "done"],
    ["requires_action", "done"],
    ["failed", refused],
    ["canceled", refused],
    ["of_tomorrow", unknown]
  ] as const
  for (const [status, outcome] of cases) {
    it.live(`with status ${status} is ${outcome}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* answered(200, refund(status), [], "refund")).outcome, outcome)
      })
    )
  }

  it.live("under another key is OutcomeUnknown, whatever its status", () =>
    Effect.gen(function* () {
      for (const [status] of cases) {
        const seen = yield* answered(200, refund(status, "other"), [], "refund")
        assert.strictEqual(seen.outcome, unknown, status)
      }
    })
  )

  it.live("is a refusal where there is nothing left, although its payment has been paid", () =>
    Effect.gen(function* () {
      const said = error("invalid_request_error", "charge_already_refunded", {
        payment_intent: intent("succeeded")
      })
      assert.strictEqual((yield* answered(400, said, [], "refund")).outcome, refused)
    })
  )
})

describe("an answer to a change of one's own", () => {
  for (const status of ["processing", "requires_action", "requires_confirmation"]) {
    it.live(`that leaves a payment behind that may still be paid, ${status}, is no refusal`, () =>
      Effect.gen(function* () {
        const unexpected = error("invalid_request_error", "payment_intent_unexpected_state", {
          payment_intent: intent(status)
        })
        const seen = [
          yield* answered(402, card(status), [], "perform"),
          yield* answered(400, unexpected, [], "perform")
        ]
        assert.deepStrictEqual(
          seen.map(({ outcome }) => outcome),
          [unknown, unknown]
        )
      })
    )
  }

  it.live("that leaves its payment behind unpaid is a refusal", () =>
    Effect.gen(function* () {
      const seen = [
        yield* answered(402, card("requires_payment_method"), [], "perform"),
        yield* answered(402, card("canceled"), [], "perform")
      ]
      assert.deepStrictEqual(
        seen.map(({ outcome }) => outcome),
        [refused, refused]
      )
    })
  )

  it.live("is a refusal where the change says that the payment named by it is none of its own", () =>
    Effect.gen(function* () {
      const said = error("invalid_request_error", "amount_too_large", {
        payment_intent: intent("requires_capture")
      })
      const { port } = yield* answering(answerOf(400, JSON.stringify(said)))
      const capture = {
        path: ["payment_intents", "pi_1", "capture"],
        fields: { amount_to_capture: 9_900 },
        success: Schema.Struct({ id: Schema.String }),
        mayStillHappen: () => false
      }
      const result = yield* Effect.flatMap(Stripe.Stripe, (stripe) =>
        Effect.result(stripe.perform(capture, call))
      ).pipe(Effect.provide(Stripe.layer(local(port))))
      assert.strictEqual(outcomeOf(result), refused)
    })
  )

  it.live("is read by the same table", () =>
    Effect.gen(function* () {
      const seen = [
        yield* answered(200, { id: "cus_1", object: "customer" }, [], "perform"),
        yield* answered(400, invalid("email_invalid"), [], "perform"),
        yield* answered(409, error("idempotency_error"), [], "perform")
      ]
      assert.deepStrictEqual(
        seen.map(({ outcome }) => outcome),
        ["done", refused, unknown]
      )
      assert.match(seen[0]?.heard ?? "", /^POST \/v1\/customers HTTP\/1\.1\r\n/)
    })
  )
})

const heads = (heard: string): ReadonlyArray<string> => heard.split("\r\n\r\n")[0]?.split("\r\n") ?? []

describe("a request", () => {
  it.live("has the bare key, the version and the secret key in its head, and a form as its body", () =>
    Effect.gen(function* () {
      const { heard } = yield* answered(200, intent("succeeded"))
      const head = heads(heard)
      assert.strictEqual(head[0], "POST /v1/payment_intents HTTP/1.1")
      for (const line of [
        "idempotency-key: fibric-key-1",
        "stripe-version: 2026-01-28.clover",
        "authorization: Bearer sk_test_correct_horse_battery_staple",
        "content-type: application/x-www-form-urlencoded"
      ])
        assert.include(head, line)
      assert.deepStrictEqual(
        [...new URLSearchParams(heard.split("\r\n\r\n")[1])],
        [
          ["amount", "4200"],
          ["currency", "eur"],
          ["confirm", "true"],
          ["payment_method", "pm_card_visa"],
          ["customer", "cus_ada"],
          ["error_on_requires_action", "true"],
          ["automatic_payment_methods[enabled]", "true"],
          ["automatic_payment_methods[allow_redirects]", "never"],
          ["metadata[order]", "4471"],
          ["metadata[fibric_key]", "fibric-key-1"]
        ]
      )
    })
  )

  for (const [offSession, asked] of [
    [false, ["error_on_requires_action"]],
    [true, ["off_session"]]
  ] as const) {
    it.live(`with offSession ${offSession} has a payment fail that would need the customer`, () =>
      Effect.gen(function* () {
        const { heard, port } = yield* answering(answerOf(200, JSON.stringify(intent("succeeded"))))
        yield* Effect.flatMap(Stripe.Stripe, (stripe) => stripe.pay({ ...visa, offSession }, call)).pipe(
          Effect.provide(Stripe.layer(local(port)))
        )
        const fields = new URLSearchParams(heard().join("").split("\r\n\r\n")[1])
        const said = ["off_session", "error_on_requires_action"].filter((name) => fields.get(name) === "true")
        assert.deepStrictEqual(said, [...asked])
      })
    )
  }

  it.live("never leaves where it does not fit", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* answering(answerOf(200, JSON.stringify(intent("succeeded"))))
      const seen = yield* Effect.gen(function* () {
        const stripe = yield* Stripe.Stripe
        const pay = (more: Partial<Stripe.PaymentRequest>) =>
          Effect.map(Effect.result(stripe.pay({ ...visa, ...more }, call)), outcomeOf)
        return yield* Effect.all([
          pay({ amount: 0 }),
          pay({ amount: 0.5 }),
          pay({ currency: "EUR" }),
          pay({ paymentMethod: "pm_1&amount=1" }),
          pay({ metadata: { fibric_key: "mine" } }),
          pay({ metadata: { "a[b]": "c" } }),
          pay({ metadata: { empty: "" } })
        ])
      }).pipe(Effect.provide(Stripe.layer(local(port))))
      assert.deepStrictEqual(new Set(seen), new Set(["NotPerformed never_sent"]))
      assert.strictEqual(connections(), 0)
    })
  )
})
