/**
 * Payments: ready-made capabilities to take a payment for a purchase and to refund it.
 *
 * A purchase is whatever is paid for: an order, an invoice, a booking. Its payments and refunds are carried
 * out one at a time, and while one is in doubt the next one waits for the doubt to be resolved. For
 * applications whose domain has a word of its own, a capability of that name on `Stripe` says more in every
 * key and receipt.
 *
 * Stripe allows two recoveries and a capability declares one, so each verb comes twice under the same name,
 * and with the same keys. `createPayment` is sent again while Stripe recognises the key, which tells in almost
 * every case at once what became of it; after a day it is left to a person. `createPaymentLookedUp` asks
 * Stripe for as long as it takes, and sends nothing again.
 */
import { Effect, Schema } from "effect"
import { Capability, Connector, Entity, Recovery } from "fibric"
import { StripeRefused } from "./Evidence.ts"
import { Payment, PaymentRequest } from "./Payment.ts"
import { Refund, RefundRequest } from "./Refund.ts"
import { Stripe } from "./Stripe.ts"

/** What is paid for. Its id is the application's own. */
export const Purchase = Entity.make("purchase")

/**
 * Stripe recognises a key for at least 24 hours and answers with the first answer, refusals and errors
 * included (docs: Idempotent requests; Advanced error handling). The last hour is not used. Twelve attempts
 * fill 17 hours: an outage of Stripe's is not to use them up.
 */
export const resend = Recovery.resend({
  window: "24 hours",
  margin: "1 hour",
  attempts: 12,
  replays: true
})

/**
 * Lists show at once what there is, search within a minute in good times (docs: Search, Data freshness).
 * After a 500 Stripe itself may still roll a payment forward. Finding nothing never releases a key.
 */
export const lookup = Recovery.lookup({ lag: "5 minutes" })

const payment = {
  entity: Purchase,
  payload: {
    /** Names the one intended payment: "full", "deposit". */
    purpose: Schema.NonEmptyString,
    ...PaymentRequest.fields
  },
  success: Payment,
  error: StripeRefused,
  occasion: ({ purpose }: { readonly purpose: string }) => purpose,
  deadline: "90 seconds",
  stores: [
    "purpose",
    "amount",
    "currency",
    "paymentMethod",
    "customer",
    "offSession",
    "description",
    "metadata"
  ],
  effectId: ({ payment }: Payment) => payment
} as const

const refund = {
  entity: Purchase,
  payload: {
    /** Names the one intended refund: "return 17". Two parts of equal amount are two refunds. */
    refund: Schema.NonEmptyString,
    ...RefundRequest.fields
  },
  success: Refund,
  error: StripeRefused,
  occasion: ({ refund }: { readonly refund: string }) => refund,
  deadline: "90 seconds",
  stores: ["refund", "payment", "amount", "reason", "metadata"],
  effectId: ({ refund }: Refund) => refund
} as const

/** Takes a payment; in doubt, sends the same request again under the same key. */
export const createPayment = Capability.make("create-payment", { ...payment, recovery: resend })

/** Refunds a payment; in doubt, sends the same request again under the same key. */
export const refundPayment = Capability.make("refund-payment", { ...refund, recovery: resend })

/** Takes a payment; in doubt, looks for it at Stripe. */
export const createPaymentLookedUp = Capability.make("create-payment", { ...payment, recovery: lookup })

/** Refunds a payment; in doubt, looks for the refund at Stripe. */
export const refundPaymentLookedUp = Capability.make("refund-payment", { ...refund, recovery: lookup })

export const Payments = Connector.make("stripe", createPayment, refundPayment)

export const PaymentsLookedUp = Connector.make("stripe", createPaymentLookedUp, refundPaymentLookedUp)

/** Carries the first pair out over `Stripe`, which takes of a payload what is its own. */
export const layer = Payments.toLayer(
  Effect.map(Stripe, (stripe) => ({ "create-payment": stripe.pay, "refund-payment": stripe.refund }))
)

/** Carries the second pair out over `Stripe`. */
export const layerLookedUp = PaymentsLookedUp.toLayer(
  Effect.map(Stripe, (stripe) => ({
    "create-payment": { perform: stripe.pay, lookup: stripe.findPayment },
    "refund-payment": { perform: stripe.refund, lookup: stripe.findRefund }
  }))
)
