/**
 * Payment: money that is taken from a customer's payment method: one PaymentIntent, created and confirmed in
 * one request.
 *
 * Nobody is asked for anything while it is carried out: a payment that would need the customer fails, so that
 * it does not wait somewhere to be completed later.
 */
import { Effect, Option, Schema } from "effect"
import { Content, type OutcomeUnknown } from "fibric"
import * as Http from "fibric/connectors/http"
import { reading, type StripeRefused, unknown, unpaid } from "./Evidence.ts"
import { common, Id, isNamed, Metadata, named } from "./Named.ts"

/** What is to be paid, by what. */
export const PaymentRequest = Schema.Struct({
  /** In the currency's smallest unit: cents, or yen. */
  amount: Schema.Int.check(Schema.isGreaterThan(0)),
  /** `eur`: three letters in lower case. */
  currency: Schema.String.check(
    Schema.isPattern(/^[a-z]{3}$/, { message: "Expected a currency in lower case, such as eur" })
  ),
  /** `pm_…` */
  paymentMethod: Id,
  /** `cus_…`. A payment method that was saved belongs to one; a look-up is by it. */
  customer: Schema.optionalKey(Id),
  /** The customer is not there, and has agreed to be charged. Default: false. */
  offSession: Schema.optionalKey(Schema.Boolean),
  /** For people to read. */
  description: Schema.optionalKey(Content(Schema.NonEmptyString.check(Schema.isMaxLength(1_000)))),
  metadata: Schema.optionalKey(Metadata)
})
export type PaymentRequest = typeof PaymentRequest.Type

/** A payment that Stripe has taken on. */
export const Payment = Schema.Struct({
  /** `pi_…` */
  payment: Schema.String,
  /**
   * - `succeeded`: the money is there
   * - `processing`: Stripe collects it, which takes days by bank debit, and it can still fail
   * - `requires_capture`: it is held until it is captured; only where that was asked for
   */
  status: Schema.Literals(["succeeded", "processing", "requires_capture"]),
  amount: Schema.Int,
  currency: Schema.String
})
export type Payment = typeof Payment.Type

/** A PaymentIntent, as far as it is read. */
const PaymentIntent = Schema.Struct({ ...common, object: Schema.Literal("payment_intent") })
type PaymentIntent = typeof PaymentIntent.Type

/** The request for a payment, made of the payment and the key alone. */
export const requestFor = (payment: PaymentRequest, key: string): Http.Request => {
  const { amount, currency, customer, description, metadata, offSession, paymentMethod } = payment
  return Http.post(
    ["payment_intents"],
    Http.form({
      amount,
      currency,
      confirm: true,
      payment_method: paymentMethod,
      ...(customer === undefined ? {} : { customer }),
      // Either way an attempt that would need the customer fails, in place of waiting for them.
      ...(offSession === true ? { off_session: true } : { error_on_requires_action: true }),
      automatic_payment_methods: { enabled: true, allow_redirects: "never" },
      ...(description === undefined ? {} : { description }),
      metadata: named(metadata, key)
    })
  )
}

/** The payment, where the PaymentIntent is one that Stripe has taken on. */
const takenOn = Schema.decodeUnknownOption(Payment)

const paymentOf = ({ amount, currency, id, status }: PaymentIntent): Option.Option<Payment> =>
  takenOn({ payment: id, status, amount, currency })

const settle =
  (key: string) =>
  (intent: PaymentIntent): Effect.Effect<Payment, OutcomeUnknown> =>
    isNamed(intent, key)
      ? Effect.mapError(Effect.fromOption(paymentOf(intent)), () =>
          unknown(`has ${intent.id} with status ${intent.status}, from which it may or may not be paid`)
        )
      : Effect.fail(unknown(`answered with ${intent.id}, which does not carry the call's key`))

/** Reads the answer to a payment. */
export const readPayment = (key: string): Http.Reading<Payment, StripeRefused> =>
  reading({ body: PaymentIntent, settle: settle(key) })

/** One page of PaymentIntents. */
export const PaymentIntents = Schema.Struct({
  data: Schema.Array(PaymentIntent),
  has_more: Schema.Boolean
})

/**
 * What the PaymentIntents say about the key: a payment; nothing, where there is none or one that failed for
 * good; or that nobody can tell, because the customer may still complete it.
 */
export const paymentIn = (
  intents: ReadonlyArray<PaymentIntent>,
  key: string
): Effect.Effect<Option.Option<Payment>, Http.LookupFailed> => {
  const ours = intents.filter((intent) => isNamed(intent, key))
  const paid = Option.firstSomeOf(ours.map(paymentOf))
  const open = ours.find(({ status }) => !unpaid.has(status))
  return Option.isSome(paid) || open === undefined
    ? Effect.succeed(paid)
    : Effect.fail(
        new Http.LookupFailed({
          reason: `${open.id} has status ${open.status}, from which it may or may not be paid`
        })
      )
}
