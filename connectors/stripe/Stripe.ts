/**
 * Stripe: one request for one call to one account, and what its answer proves.
 *
 * For connectors: a capability of one's own calls `pay`, `refund` or `perform` with the call that the kernel
 * gave it, and `findPayment`, `findRefund` or `lookUp` where its recovery is a look-up. Not built on
 * Stripe's own library: it sends a random key for each call unless given one, and repeats a request whose
 * connection was closed, once, also where its retries are set to 0.
 */
import { Config, Context, Effect, Layer, Option, Schema } from "effect"
import type { UrlParams } from "effect/http"
import { type Call, NotPerformed, type OutcomeUnknown } from "fibric"
import * as Http from "fibric/connectors/http"
import * as StripeConfig from "./config.ts"
import { finding, reading, type StripeError, type StripeRefused } from "./Evidence.ts"
import { keyName, lookedForBy } from "./Named.ts"
import * as Payments from "./Payment.ts"
import * as Refunds from "./Refund.ts"

/** How a change of one's own ends. */
export type Performed<A> = Effect.Effect<A, StripeRefused | NotPerformed | OutcomeUnknown>

/** How a question ends. */
export type Found<A> = Effect.Effect<Option.Option<A>, Http.LookupFailed>

/** A POST of one's own. */
export interface Change<A> {
  /** Below `/v1`, in segments: `["customers"]`. */
  readonly path: ReadonlyArray<string>
  /** Made of the payload and the call alone: a request that is sent again has to be the same. */
  readonly fields: UrlParams.Input
  /** The object that a 200 brings. */
  readonly success: Schema.Codec<A, unknown>
  /**
   * Whether what an error leaves behind may still come to be, so that it is no refusal. Default: where it
   * names a payment that may still be paid. A capture or a refund, whose payment was there before, says no.
   */
  readonly mayStillHappen?: ((error: StripeError) => boolean) | undefined
}

/** A GET of one's own. */
export interface Question<A, B> {
  readonly path: ReadonlyArray<string>
  readonly query?: UrlParams.Input
  readonly body: Schema.Codec<B, unknown>
  readonly found: (body: B) => Option.Option<A>
}

export class Stripe extends Context.Service<
  Stripe,
  {
    /**
     * Creates a PaymentIntent and confirms it, once, under the call's key, which it also carries as metadata.
     *
     * Success: Stripe has taken the payment on; `status` says how far it is. `StripeRefused`: it was declined
     * or can't be made. `NotPerformed`: it did not leave, or Stripe did nothing with it. `OutcomeUnknown`:
     * nobody can tell. A payment that doesn't fit its schema is `NotPerformed` before a connection is opened.
     */
    readonly pay: (payment: Payments.PaymentRequest, call: Call) => Performed<Payments.Payment>
    /** Refunds a payment or a part of it, with the same care. */
    readonly refund: (refund: Refunds.RefundRequest, call: Call) => Performed<Refunds.Refund>
    /**
     * Looks for the payment of a call by the key that it carries. With the customer: among their payments,
     * as they are now. Without: by search, which shows a payment after a minute, in bad times later. Either
     * way what is found is evidence; nothing found is none.
     */
    readonly findPayment: (
      where: { readonly customer?: string | undefined },
      call: Call
    ) => Found<Payments.Payment>
    /** Looks for the refund of a call among those of the payment, as they are now. */
    readonly findRefund: (where: { readonly payment: string }, call: Call) => Found<Refunds.Refund>
    /** Any POST, once, under the call's key, read by the same table. */
    readonly perform: <A>(change: Change<A>, call: Call) => Performed<A>
    /** Any GET. Whatever is no answer is `LookupFailed`. */
    readonly lookUp: <A, B>(question: Question<A, B>, call: Call) => Found<A>
  }
>()("fibric/connectors/stripe/Stripe") {}

/** The most of one list that is read: pages of a hundred. */
const mostPages = 10
const pageSize = 100

interface Page<B> {
  readonly data: ReadonlyArray<B>
  readonly has_more: boolean
}

const notAmong = (count: number) =>
  new Http.LookupFailed({ reason: `it is not among the newest ${count}, and there are more` })

/** Fails where the value does not fit, before anything is sent. */
const fitting = <A>(schema: Schema.Codec<A, unknown>) => {
  const decode = Schema.decodeUnknownEffect(Schema.toType(schema))
  return (value: A) =>
    Effect.mapError(
      decode(value),
      ({ message }) =>
        new NotPerformed({ proof: "never_sent", reason: `the request can't be sent as it is: ${message}` })
    )
}

const fittingPayment = fitting(Payments.PaymentRequest)
const fittingRefund = fitting(Refunds.RefundRequest)

/** A doubt says what to look for: the key that the object carries. */
const named = <A>(performed: Performed<A>, { key }: Call): Performed<A> =>
  Effect.mapError(performed, (error) => (error._tag === "OutcomeUnknown" ? lookedForBy(error, key) : error))

const make = Effect.fnUntraced(function* (options: StripeConfig.Options) {
  const http = yield* Http.make(StripeConfig.toHttp(options))

  const page = <B extends { readonly id: string }>(
    path: ReadonlyArray<string>,
    query: UrlParams.CoercibleRecord,
    body: Schema.Codec<Page<B>, unknown>,
    call: Call
  ) =>
    Effect.map(
      http.lookUp(Http.get(path, { query }), finding({ body, found: Option.some }), call),
      // Every page that is read is found.
      Option.getOrThrow
    )

  /** What a list says, newest first, page by page, until it says something or is at its end. */
  const inList = Effect.fnUntraced(function* <A, B extends { readonly id: string }>(
    path: ReadonlyArray<string>,
    query: UrlParams.CoercibleRecord,
    body: Schema.Codec<Page<B>, unknown>,
    judge: (data: ReadonlyArray<B>) => Found<A>,
    call: Call
  ): Effect.fn.Return<Option.Option<A>, Http.LookupFailed> {
    let after: string | undefined
    for (let pages = 0; pages < mostPages; pages++) {
      const here = { ...query, limit: pageSize, ...(after === undefined ? {} : { starting_after: after }) }
      const { data, has_more } = yield* page(path, here, body, call)
      const found = yield* judge(data)
      if (Option.isSome(found) || !has_more) return found
      after = data.at(-1)?.id
    }
    return yield* notAmong(mostPages * pageSize)
  })

  return Stripe.of({
    pay: Effect.fn("Stripe.pay")(function* (payment, call) {
      const request = Payments.requestFor(yield* fittingPayment(payment), call.key)
      return yield* named(http.perform(request, Payments.readPayment(call.key), call), call)
    }),
    refund: Effect.fn("Stripe.refund")(function* (refund, call) {
      const request = Refunds.requestFor(yield* fittingRefund(refund), call.key)
      return yield* named(http.perform(request, Refunds.readRefund(call.key), call), call)
    }),
    findPayment: Effect.fn("Stripe.findPayment")(function* ({ customer }, call) {
      const judge = (intents: (typeof Payments.PaymentIntents.Type)["data"]) =>
        Payments.paymentIn(intents, call.key)
      if (customer !== undefined) {
        return yield* inList(["payment_intents"], { customer }, Payments.PaymentIntents, judge, call)
      }
      const query = {
        query: `metadata[${JSON.stringify(keyName)}]:${JSON.stringify(call.key)}`,
        limit: pageSize
      }
      const path = ["payment_intents", "search"]
      const { data, has_more } = yield* page(path, query, Payments.PaymentIntents, call)
      const found = yield* judge(data)
      // Search does not tell upper from lower case: all of these may be others', and ours on the next page.
      return Option.isNone(found) && has_more ? yield* notAmong(pageSize) : found
    }),
    findRefund: Effect.fn("Stripe.findRefund")(function* ({ payment }, call) {
      const judge = (refunds: (typeof Refunds.Refunds.Type)["data"]) => Refunds.refundIn(refunds, call.key)
      return yield* inList(["refunds"], { payment_intent: payment }, Refunds.Refunds, judge, call)
    }),
    perform: Effect.fn("Stripe.perform")(function* ({ fields, mayStillHappen, path, success }, call) {
      const read = reading({ body: success, settle: Effect.succeed, mayStillHappen })
      return yield* http.perform(Http.post(path, Http.form(fields)), read, call)
    }),
    lookUp: Effect.fn("Stripe.lookUp")(function* ({ body, found, path, query }, call) {
      const request = Http.get(path, query === undefined ? {} : { query })
      return yield* http.lookUp(request, finding({ body, found }), call)
    })
  })
})

/** Acts for the given account. Nothing is connected before the first request. */
export const layer = (options: StripeConfig.Options): Layer.Layer<Stripe, Http.HttpMisconfigured> =>
  Layer.effect(Stripe, make(options))

/** The same, from configuration: by default from `STRIPE_SECRET_KEY` and its kin. */
export const layerConfig = (
  config: Config.Wrap<StripeConfig.Options> = StripeConfig.options
): Layer.Layer<Stripe, Http.HttpMisconfigured | Config.ConfigError> =>
  Layer.effect(Stripe, Effect.flatMap(Config.unwrap(config), make))
