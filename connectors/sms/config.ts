/**
 * Config: whose account sends, and who the texts come from.
 *
 * The application owns these values. The secret is `Redacted` from the first line on.
 */
import { Config, type Duration, Effect, Option, type Redacted, Schema } from "effect"
import * as Http from "fibric/connectors/http"
import { PhoneNumber } from "./TextMessage.ts"

const pattern = (expression: RegExp, message: string) =>
  Schema.String.check(Schema.isPattern(expression, { message }))

const Service = pattern(/^MG[0-9a-f]{32}$/, "Expected a Messaging Service's SID")

/** Who texts come from: a number, a short code, a name, or a Messaging Service that chooses. */
export const Sender = Schema.Union([
  PhoneNumber,
  pattern(/^\d{3,8}$/, "Expected a short code"),
  pattern(/^(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}$/, "Expected a name of at most 11 letters and digits"),
  Service
])
export type Sender = typeof Sender.Type

const isService = Schema.is(Service)

const Account = pattern(/^AC[0-9a-f]{32}$/, "Expected an account's SID, such as AC and 32 hexadecimal digits")

export interface Options {
  /** The account's SID, `AC…`. */
  readonly account: string
  /** An API key's SID, `SK…`, where one is used in place of the account's own token. */
  readonly key?: string | undefined
  /** The API key's secret, or the account's token. */
  readonly secret: Redacted.Redacted
  readonly from: Sender
  /**
   * Where Twilio reports what becomes of a text. It is called with `fibric=` and the key's reference in its
   * query. Default: nowhere.
   */
  readonly statusCallback?: string | undefined
  /** Where the API is. Default: `https://api.twilio.com/2010-04-01`. */
  readonly url?: string | undefined
  /** Allows `http:`, for a fake. Default: false. */
  readonly plaintext?: boolean | undefined
  /** Networks that are not public and may be connected to all the same. Default: none. */
  readonly networks?: ReadonlyArray<string> | undefined
  /** Certificates (PEM) of an authority of one's own, in place of the system's. */
  readonly ca?: string | undefined
  /** For the look-up, the connection and the handshake together. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long Twilio may take to answer, counted from when the request left. Default: 5 minutes. */
  readonly answerTimeout?: Duration.Input | undefined
}

/** The options with what can be wrong in them found. */
export const resolve = Effect.fnUntraced(function* (options: Options) {
  const account = yield* Schema.decodeEffect(Account)(options.account)
  const from = yield* Schema.decodeEffect(Sender)(options.from)
  const sender = isService(from) ? { MessagingServiceSid: from } : { From: from }
  const statusCallback =
    options.statusCallback === undefined
      ? undefined
      : yield* Schema.decodeEffect(Schema.URLFromString)(options.statusCallback)
  return { account, sender, statusCallback }
})

/** Twilio as a provider with an HTTP API: it takes no key. */
export const provider = (options: Options): Http.Options => ({
  url: options.url ?? "https://api.twilio.com/2010-04-01",
  authorization: Http.basic(options.key ?? options.account, options.secret),
  key: "none",
  plaintext: options.plaintext,
  networks: options.networks,
  ca: options.ca,
  connectTimeout: options.connectTimeout,
  answerTimeout: options.answerTimeout
})

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

/**
 * The options by their usual names: `TWILIO_ACCOUNT_SID`, `TWILIO_FROM`, and `TWILIO_AUTH_TOKEN` or
 * `TWILIO_API_KEY` with `TWILIO_API_SECRET`; where wanted, `TWILIO_STATUS_CALLBACK`.
 */
export const options: Config.Config<Options> = Config.map(
  Config.all({
    account: Config.String("TWILIO_ACCOUNT_SID"),
    from: Config.String("TWILIO_FROM"),
    statusCallback: optional(Config.String("TWILIO_STATUS_CALLBACK")),
    identity: Config.orElse(
      Config.all({ key: Config.String("TWILIO_API_KEY"), secret: Config.Redacted("TWILIO_API_SECRET") }),
      () => Config.map(Config.Redacted("TWILIO_AUTH_TOKEN"), (secret) => ({ key: undefined, secret }))
    )
  }),
  ({ identity, ...rest }) => ({ ...rest, ...identity })
)
