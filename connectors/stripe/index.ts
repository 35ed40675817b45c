/**
 * fibric/connectors/stripe: payments and refunds with honest outcomes. The public names, nothing else.
 */
export { apiVersion, type Options } from "./config.ts"
export { evidenceOf, type StripeError, StripeRefused } from "./Evidence.ts"
export { keyName, Metadata } from "./Named.ts"
export { Payment, PaymentRequest } from "./Payment.ts"
export {
  createPayment,
  createPaymentLookedUp,
  layer as layerPayments,
  layerLookedUp as layerPaymentsLookedUp,
  lookup,
  Payments,
  PaymentsLookedUp,
  Purchase,
  refundPayment,
  refundPaymentLookedUp,
  resend
} from "./Payments.ts"
export { Refund, RefundRequest } from "./Refund.ts"
export {
  type Change,
  type Found,
  layer,
  layerConfig,
  type Performed,
  type Question,
  Stripe
} from "./Stripe.ts"
