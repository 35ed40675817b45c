/**
 * The Stripe connector as subjects of the laws: a payment by each recovery, and a refund.
 */
import { Effect, Layer } from "effect"
import * as Stripe from "fibric/connectors/stripe"
import * as Laws from "fibric/testing/laws"
import { secretKey, stripeFake } from "./stripe-fake.ts"
import { at, full, local } from "./stripe-support.ts"

const common = { secrets: [secretKey, "pi_1_secret_4471"], silence: "400 millis" } as const

const over = ({ port }: Laws.Address) => Stripe.layer(local(port))

const declined = { ...full, paymentMethod: "pm_card_chargeDeclined" }

export const stripeResend = Laws.subject({
  ...common,
  name: "stripe, a payment (resend)",
  server: stripeFake(),
  connector: (address) => Stripe.layerPayments.pipe(Layer.provide(over(address))),
  action: Stripe.createPayment.propose(at, full),
  refused: Stripe.createPayment.propose(at, declined)
})

export const stripeLookup = Laws.subject({
  ...common,
  name: "stripe, a payment (lookup)",
  server: stripeFake(),
  connector: (address) => Stripe.layerPaymentsLookedUp.pipe(Layer.provide(over(address))),
  action: Stripe.createPaymentLookedUp.propose(at, full),
  refused: Stripe.createPaymentLookedUp.propose(at, declined)
})

/** A fake with one payment in it, made elsewhere and no effect of the trial; its refunds are. */
const paidFake = Effect.map(stripeFake(), (fake) => {
  fake.account.execute(
    "/v1/payment_intents",
    new URLSearchParams({ amount: "4200", currency: "eur" }),
    undefined
  )
  return { ...fake, effects: Effect.sync((): ReadonlyArray<Laws.Happened> => [...fake.account.refunds]) }
})

export const stripeRefund = Laws.subject({
  ...common,
  name: "stripe, a refund (lookup)",
  server: paidFake,
  connector: (address) => Stripe.layerPaymentsLookedUp.pipe(Layer.provide(over(address))),
  action: Stripe.refundPaymentLookedUp.propose(at, { refund: "return 17", payment: "pi_1", amount: 1_200 }),
  refused: Stripe.refundPaymentLookedUp.propose(at, { refund: "return 18", payment: "pi_1", amount: 9_900 })
})
