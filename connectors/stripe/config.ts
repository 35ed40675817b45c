/**
 * Config: which Stripe account is acted for, and in which version of the API.
 *
 * The application owns these values. The secret key is `Redacted` from the first line on.
 */
import { Config, type Duration, Option, type Redacted } from "effect"
import * as Http from "fibric/connectors/http"

export interface Options {
  /** The account's secret key, `sk_…`, or a restricted one, `rk_…`. It decides about live or test mode. */
  readonly secretKey: Redacted.Redacted
  /** A connected account, `acct_…`, that is acted for in place of one's own. */
  readonly account?: string | undefined
  /**
   * The version of the API that is spoken, as `Stripe-Version`. Default: the one that this connector was
   * written against. With another one the same request may come to mean something else.
   */
  readonly version?: string | undefined
  /** Where the API is. Default: `https://api.stripe.com/v1`. */
  readonly url?: string | undefined
  /** For a fake on this machine: see the options of the HTTP connector. */
  readonly plaintext?: boolean | undefined
  readonly networks?: ReadonlyArray<string> | undefined
  readonly ca?: string | undefined
  /** For the look-up, the connection and the handshake together. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long the whole answer may take, counted from when the request left. Default: 5 minutes. */
  readonly answerTimeout?: Duration.Input | undefined
}

/** The version that this connector was written against. */
export const apiVersion = "2026-01-28.clover"

/** Stripe as a provider of the HTTP connector. */
export const toHttp = ({ account, secretKey, url, version, ...rest }: Options): Http.Options => ({
  ...rest,
  url: url ?? "https://api.stripe.com/v1",
  authorization: Http.bearer(secretKey),
  headers: {
    "Stripe-Version": version ?? apiVersion,
    ...(account === undefined ? {} : { "Stripe-Account": account })
  },
  key: { name: "Idempotency-Key", form: "bare" }
})

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

/** The options by their usual names: `STRIPE_SECRET_KEY`, and where wanted `STRIPE_ACCOUNT`, `STRIPE_VERSION`. */
export const options: Config.Config<Options> = Config.all({
  secretKey: Config.Redacted("STRIPE_SECRET_KEY"),
  account: optional(Config.String("STRIPE_ACCOUNT")),
  version: optional(Config.String("STRIPE_VERSION"))
})
