/**
 * Evidence: what Stripe's answers prove, by what its documentation says of them.
 *
 * Stripe owns the truth about the money. An error counts only in Stripe's own form, `{ error: { type } }`:
 * any other 4xx may be the word of something in between. An answer that says "not yet", "in use" or
 * "something went wrong" proves nothing, whatever `Stripe-Should-Retry` says: that header is about whether
 * sending again may help, not about what has happened.
 */
import { Effect, Option, Schema } from "effect"
import { NotPerformed, OutcomeUnknown } from "fibric"
import * as Http from "fibric/connectors/http"
import { Line, oneLine } from "./Line.ts"

const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Body = Schema.Struct({
  error: Schema.Struct({
    type: Line,
    code: nullable(Line),
    decline_code: nullable(Line),
    message: nullable(Line),
    payment_intent: nullable(Schema.Struct({ id: Line, status: Line }))
  })
})

/** The error in an answer, as far as it is evidence (docs: API reference, Errors). */
export type StripeError = (typeof Body.Type)["error"]

const decodeBody = Schema.decodeUnknownOption(Body)

const errorIn = ({ json }: Http.Answer): StripeError | undefined =>
  Option.getOrUndefined(Option.flatMap(json, decodeBody))?.error

/**
 * Another request with this key is being carried out, or the request stopped somewhere on its way to a lock:
 * neither says what became of the change (docs: Error codes; Rate limits, Object lock timeouts).
 */
const undecided: ReadonlySet<string> = new Set(["idempotency_key_in_use", "lock_timeout"])

/** Errors about the card or about the request's content (docs: API reference, Errors, Error types). */
const aboutTheRequest: ReadonlySet<string> = new Set(["card_error", "invalid_request_error"])

/** `idempotency_error` is not among them: "other parameters" says nothing about the first request. */
const refusal = ({ type }: StripeError): Http.Evidence => (aboutTheRequest.has(type) ? "refused" : "unknown")

const notPerformed = (): Http.Evidence => "not_performed"

/** What stands in front of every endpoint (docs: Rate limits). */
const limiters: ReadonlySet<string> = new Set([
  "global-rate",
  "global-concurrency",
  "endpoint-rate",
  "endpoint-concurrency"
])

/** A limiter names itself; a 429 without a name may come from anywhere. */
const isLimiter = ({ code }: StripeError, { headers }: Http.Answer): boolean =>
  code === "rate_limit" || limiters.has(headers["stripe-rate-limited-reason"] ?? "")

/**
 * What a status proves with an error in Stripe's form. What has no row proves nothing: 409 (in conflict
 * with a request that may be ours), 424 (something that Stripe depends on has failed), 5xx (docs: Advanced
 * error handling, Server errors: indeterminate, and saved under the key like any other result).
 */
const rows: Readonly<Record<number, (error: StripeError, answer: Http.Answer) => Http.Evidence>> = {
  // docs: Idempotent requests. Parameters that fail validation are not executed; an error of an execution
  // is saved under the key.
  400: refusal,
  // docs: Advanced error handling. Comes before the idempotency layer; mended in the configuration.
  401: notPerformed,
  // docs: API reference, Errors; Declines. The parameters were valid and the payment failed.
  402: refusal,
  // docs: API reference, Errors. The API key may not do this; mended in the dashboard.
  403: notPerformed,
  // docs: API reference, Errors. It isn't there, or not in this account or mode.
  404: notPerformed,
  // docs: Advanced error handling. Rate limiters run before the idempotency layer.
  429: (error, answer) => (isLimiter(error, answer) ? "not_performed" : "unknown")
}

/** What the answer proves about a request that changes something. Only a 200 is a success. */
export const evidenceOf = (answer: Http.Answer): Http.Evidence => {
  if (answer.status === 200) return "success"
  const error = errorIn(answer)
  if (error === undefined || undecided.has(error.code ?? "")) return "unknown"
  return rows[answer.status]?.(error, answer) ?? "unknown"
}

const requestOf = ({ headers }: Http.Answer): string | null => {
  const id = headers["request-id"]
  return id === undefined ? null : oneLine(id)
}

/**
 * What was answered, in one line. Never the body itself: a PaymentIntent in it has a secret that lets
 * whoever has it pay.
 */
const wordsOf = (answer: Http.Answer, error = errorIn(answer)): string => {
  const what =
    error === undefined ? [] : [error.type, error.code, error.decline_code, error.message].filter(Boolean)
  const request = requestOf(answer)
  return oneLine(
    [`answered ${answer.status}`, ...what, ...(request === null ? [] : [`(${request})`])].join(" ")
  )
}

/** Stripe's definite no: settled, and replayed to whoever asks again. */
export class StripeRefused extends Schema.TaggedError<StripeRefused>()("StripeRefused", {
  /** Stripe's kind of error: `card_error`, `invalid_request_error`. */
  type: Schema.String,
  /** Why, for a program: `card_declined`, `amount_too_small`. */
  code: Schema.NullOr(Schema.String),
  /** Why the card's issuer said no, where it said so: `insufficient_funds`. */
  declineCode: Schema.NullOr(Schema.String),
  /** Stripe's words, at most 300 characters in one line. Those of a `card_error` may be shown to the customer. */
  said: Schema.String,
  /** The PaymentIntent that the attempt has left behind, unpaid. */
  payment: Schema.NullOr(Schema.String),
  /** The request's id in Stripe's log. */
  request: Schema.NullOr(Schema.String)
}) {
  override get message() {
    const why = [this.type, this.code, this.declineCode].filter((part) => part !== null).join(", ")
    return `Stripe refused it (${why}): ${this.said}`
  }
}

const refused = (answer: Http.Answer, error: StripeError): StripeRefused =>
  new StripeRefused({
    type: error.type,
    code: error.code ?? null,
    declineCode: error.decline_code ?? null,
    said: error.message ?? "",
    payment: error.payment_intent?.id ?? null,
    request: requestOf(answer)
  })

/** Nobody can tell, and where to look. */
export const unknown = (what: string): OutcomeUnknown => new OutcomeUnknown({ reason: `Stripe ${what}` })

/**
 * After an error a PaymentIntent in one of these can't take money by itself any more; nobody but whoever has
 * the account's secret key could confirm it again (docs: How PaymentIntents work).
 */
export const unpaid: ReadonlySet<string> = new Set(["requires_payment_method", "canceled"])

const leavesPayment = ({ payment_intent }: StripeError): boolean =>
  typeof payment_intent === "object" && payment_intent !== null && !unpaid.has(payment_intent.status)

/** How the answer to a change is read. */
export interface ReadingOptions<A, B> {
  /** The body of a 200, from its JSON. */
  readonly body: Schema.Codec<B, unknown>
  /** What the object in the body says. */
  readonly settle: (body: B) => Effect.Effect<A, StripeRefused | OutcomeUnknown>
  /**
   * Whether something is left behind that may still come to be, so that the error is no refusal. Default: a
   * payment in it that may still be paid.
   */
  readonly mayStillHappen?: ((error: StripeError) => boolean) | undefined
}

/** Reads Stripe's answer to a change. */
export const reading = <A, B>({
  body,
  mayStillHappen = leavesPayment,
  settle
}: ReadingOptions<A, B>): Http.Reading<A, StripeRefused> => {
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(body))
  return (answer) =>
    Effect.suspend((): Effect.Effect<A, StripeRefused | NotPerformed | OutcomeUnknown> => {
      const error = errorIn(answer)
      const evidence = evidenceOf(answer)
      if (evidence === "success") {
        return Effect.fromOption(answer.json).pipe(
          Effect.flatMap(decode),
          Effect.mapError(() => unknown(`${wordsOf(answer)}, and its body is not what was declared`)),
          Effect.flatMap(settle)
        )
      }
      if (evidence === "not_performed") {
        return Effect.fail(
          new NotPerformed({ proof: "provider_denies", reason: `Stripe ${wordsOf(answer)}` })
        )
      }
      // An error in Stripe's form is what makes it a refusal.
      if (evidence === "refused" && error !== undefined && !mayStillHappen(error)) {
        return Effect.fail(refused(answer, error))
      }
      return Effect.fail(unknown(wordsOf(answer)))
    })
}

/** Reads the answer to a question. One that is none is told like any other: a list is full of secrets, too. */
export const finding = <A, B>(options: Http.FindingOptions<A, B>): Http.Finding<A> => {
  const find = Http.finding(options)
  return (answer) =>
    Effect.mapError(
      find(answer),
      () => new Http.LookupFailed({ reason: `it ${wordsOf(answer)}, which is not what was asked for` })
    )
}
