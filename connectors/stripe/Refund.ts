/**
 * Refund: money that goes back to where a payment came from.
 *
 * One payment may be refunded in several parts, so a refund has a name of the application's own; what is
 * left to refund is for Stripe to know, which refuses more than there is.
 */
import { Effect, Option, Schema } from "effect"
import type { OutcomeUnknown } from "fibric"
import * as Http from "fibric/connectors/http"
import { reading, StripeRefused, unknown } from "./Evidence.ts"
import { Line } from "./Line.ts"
import { common, Id, isNamed, Metadata, named } from "./Named.ts"

/** What is to be refunded, and why. */
export const RefundRequest = Schema.Struct({
  /** The payment, `pi_…`. */
  payment: Id,
  /** In the currency's smallest unit. Default: all that has not been refunded. */
  amount: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
  /** `fraudulent` also puts the card on the account's block lists. */
  reason: Schema.optionalKey(Schema.Literals(["duplicate", "fraudulent", "requested_by_customer"])),
  metadata: Schema.optionalKey(Metadata)
})
export type RefundRequest = typeof RefundRequest.Type

/** A refund that Stripe has taken on. */
export const Refund = Schema.Struct({
  /** `re_…` */
  refund: Schema.String,
  payment: Schema.NullOr(Schema.String),
  /**
   * - `succeeded`: Stripe has sent it on its way; the bank shows it days later
   * - `pending`: Stripe will, for example when the account's balance suffices; it can still fail
   * - `requires_action`: Stripe asks the customer where the money is to go
   */
  status: Schema.Literals(["succeeded", "pending", "requires_action"]),
  amount: Schema.Int,
  currency: Schema.String
})
export type Refund = typeof Refund.Type

/** A refund of Stripe's, as far as it is read. */
const RefundObject = Schema.Struct({
  ...common,
  object: Schema.Literal("refund"),
  status: Schema.NullOr(Line),
  payment_intent: Schema.NullOr(Line),
  failure_reason: Schema.optionalKey(Schema.NullOr(Line))
})
type RefundObject = typeof RefundObject.Type

/** The request for a refund, made of the refund and the key alone. */
export const requestFor = ({ amount, metadata, payment, reason }: RefundRequest, key: string): Http.Request =>
  Http.post(
    ["refunds"],
    Http.form({
      payment_intent: payment,
      ...(amount === undefined ? {} : { amount }),
      ...(reason === undefined ? {} : { reason }),
      metadata: named(metadata, key)
    })
  )

/** The money is back in the account by then (docs: Refund and cancel payments, failed and cancelled refunds). */
const cameBack: ReadonlySet<string> = new Set(["failed", "canceled"])

const takenOn = Schema.decodeUnknownOption(Refund)

const refundOf = ({ amount, currency, id, payment_intent, status }: RefundObject): Option.Option<Refund> =>
  takenOn({ refund: id, payment: payment_intent, status, amount, currency })

const settle =
  (key: string) =>
  (object: RefundObject): Effect.Effect<Refund, StripeRefused | OutcomeUnknown> => {
    const { failure_reason, id, status } = object
    if (!isNamed(object, key)) {
      return Effect.fail(unknown(`answered with ${id}, which does not carry the call's key`))
    }
    if (status !== null && cameBack.has(status)) {
      return Effect.fail(
        new StripeRefused({
          type: "refund",
          code: status,
          declineCode: failure_reason ?? null,
          said: `the refund ${id} was ${status} at once`,
          payment: object.payment_intent,
          request: null
        })
      )
    }
    return Effect.mapError(Effect.fromOption(refundOf(object)), () =>
      unknown(`has ${id} with status ${status}, which is not a documented one`)
    )
  }

/** Reads the answer to a refund. */
export const readRefund = (key: string): Http.Reading<Refund, StripeRefused> =>
  reading({
    body: RefundObject,
    settle: settle(key),
    // The payment that an error names is the one to be refunded.
    mayStillHappen: () => false
  })

/** One page of refunds. */
export const Refunds = Schema.Struct({ data: Schema.Array(RefundObject), has_more: Schema.Boolean })

/** What the refunds say about the key. One that was made and came back is for a person to judge. */
export const refundIn = (
  refunds: ReadonlyArray<RefundObject>,
  key: string
): Effect.Effect<Option.Option<Refund>, Http.LookupFailed> => {
  const ours = refunds.filter((refund) => isNamed(refund, key))
  const [first] = ours
  const made = Option.firstSomeOf(ours.map(refundOf))
  return Option.isSome(made) || first === undefined
    ? Effect.succeed(made)
    : Effect.fail(
        new Http.LookupFailed({ reason: `${first.id} was made and has status ${first.status} by now` })
      )
}
