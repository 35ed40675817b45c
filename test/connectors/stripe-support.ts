/**
 * What the Stripe tests share: a connector that speaks to this machine, and a payment.
 */
import { Redacted } from "effect"
import * as Stripe from "fibric/connectors/stripe"
import { secretKey } from "./stripe-fake.ts"

/** Options for an API on this machine, in the clear. */
export const local = (port: number, more: Partial<Stripe.Options> = {}): Stripe.Options => ({
  secretKey: Redacted.make(secretKey),
  url: `http://127.0.0.1:${port}/v1`,
  plaintext: true,
  networks: ["127.0.0.1"],
  ...more
})

export const at = Stripe.Purchase.at("order-4471")

/** The payment of an order, in full. */
export const full = {
  purpose: "full",
  amount: 4_200,
  currency: "eur",
  paymentMethod: "pm_card_visa",
  customer: "cus_ada",
  metadata: { order: "4471" }
} as const

/** The same without the words that only name it. */
export const { purpose: _, ...visa } = full
