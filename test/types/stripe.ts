/**
 * Checked by the compiler: what a payment can't be made of, and what its outcome may be.
 */
import { Connector, execute, type ExecuteError } from "fibric"
import * as Stripe from "fibric/connectors/stripe"
import type { Effect } from "effect"
import { type Equals, isTrue } from "./support.ts"

const at = Stripe.Purchase.at("order-4471")
const full = { purpose: "full", amount: 4_200, currency: "eur", paymentMethod: "pm_card_visa" } as const

const asked = execute(Stripe.createPayment.propose(at, full))
isTrue<Equals<Effect.Error<typeof asked>, Stripe.StripeRefused | ExecuteError>>()

// @ts-expect-error A payment has a purpose: without one two of them would be one.
export const purposeless = Stripe.createPayment.propose(at, { ...full, purpose: undefined })

// @ts-expect-error An amount is a number of the smallest unit, never a text.
export const dear = Stripe.createPayment.propose(at, { ...full, amount: "42.00" })

// @ts-expect-error A refund is of a payment.
export const refund = Stripe.refundPayment.propose(at, { refund: "return 17" })

// Whoever looks at the status meets what is not over yet.
export const isPaid = ({ status }: Stripe.Payment): boolean => {
  // @ts-expect-error A declined payment is an error, never a status.
  if (status === "requires_payment_method") return false
  return status === "succeeded"
}

export const alone = Connector.make("stripe", Stripe.createPaymentLookedUp).toLayer({
  // @ts-expect-error What is looked for in doubt needs the look-up, too.
  "create-payment": (): Effect.Effect<Stripe.Payment> => asPaid
})

declare const asPaid: Effect.Effect<Stripe.Payment>
