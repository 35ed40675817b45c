/**
 * Config: one provider's API: where it is, how one shows who one is, and what may never happen.
 *
 * The application owns these values. Credentials are `Redacted` from the first line on; requests are
 * encrypted and stay on the public internet unless somebody says otherwise.
 */
import { Config, Duration, Effect, Option, Redacted, Schema } from "effect"
import { isNetwork, judgeOf } from "./Address.ts"
import { type Headers, misfitIn, normal } from "./Headers.ts"
import { secretsIn } from "./Secrets.ts"

/**
 * How the key of a call is sent.
 *
 * - `quoted`: as a structured field's string, `"key"`, which the draft of the header's standard wants
 * - `bare`: as it is, which most providers want
 */
export interface KeyHeader {
  /** Default: `Idempotency-Key`. */
  readonly name?: string | undefined
  /** Default: `quoted`. */
  readonly form?: "quoted" | "bare" | undefined
}

export interface Options {
  /** Where the API is: `https://api.example.com/v1`. Its host is one that requests may go to. */
  readonly url: string
  /** Further hosts that requests may go to, as a URL has them, with a port of their own. No secret header goes there. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** The whole value of the `Authorization` header; see `bearer` and `basic`. */
  readonly authorization?: Redacted.Redacted | undefined
  /** Further headers of every request. What is `Redacted` is a secret. */
  readonly headers?: Headers | undefined
  /** How the key is sent; `"none"` where the provider takes none. Default: `Idempotency-Key`, quoted. */
  readonly key?: KeyHeader | "none" | undefined
  /** Allows `http:`, where everything can be read on its way. Default: false. */
  readonly plaintext?: boolean | undefined
  /** Networks that are not public and may be connected to all the same: `10.1.0.0/16`. Default: none. */
  readonly networks?: ReadonlyArray<string> | undefined
  /** Certificates (PEM) of an authority of one's own, in place of the system's. */
  readonly ca?: string | undefined
  /** For the look-up, the connection and the handshake together. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long the whole answer may take, counted from when the request left. Default: 5 minutes. */
  readonly answerTimeout?: Duration.Input | undefined
  /** The longest body that is sent. Default: 1 MiB. */
  readonly maxRequestBytes?: number | undefined
  /** The longest answer that is read. Default: 1 MiB. A longer one proves nothing. */
  readonly maxAnswerBytes?: number | undefined
}

/** The options with every default filled in and every mistake found. */
export interface Provider {
  readonly base: URL
  readonly hosts: ReadonlySet<string>
  readonly plaintext: boolean
  readonly mayConnect: (address: string) => boolean
  readonly headers: Headers
  readonly secrets: ReadonlyArray<Redacted.Redacted>
  readonly key: { readonly name: string; readonly form: "quoted" | "bare" } | undefined
  readonly ca: string | undefined
  readonly connectTimeout: Duration.Duration
  readonly answerTimeout: Duration.Duration
  readonly maxRequestBytes: number
  readonly maxAnswerBytes: number
}

/** The options can't be right. Nothing was connected; mend them and start again. */
export class HttpMisconfigured extends Schema.TaggedError<HttpMisconfigured>()("HttpMisconfigured", {
  option: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `The HTTP connector can't start: its option "${this.option}" ${this.problem}. Nothing was sent.`
  }
}

/** Shows a token: `Authorization: Bearer …`. */
export const bearer = (token: Redacted.Redacted): Redacted.Redacted =>
  Redacted.make(`Bearer ${Redacted.value(token)}`)

/** Shows a name and a password: `Authorization: Basic …`. */
export const basic = (user: string, password: Redacted.Redacted): Redacted.Redacted =>
  Redacted.make(`Basic ${Buffer.from(`${user}:${Redacted.value(password)}`, "utf8").toString("base64")}`)

const mebibyte = 1_048_576

const keyOf = (key: KeyHeader | "none"): Provider["key"] =>
  key === "none"
    ? undefined
    : { name: (key.name ?? "Idempotency-Key").toLowerCase(), form: key.form ?? "quoted" }

/** Fills the defaults in. Fails where no request could ever leave, or only in a way that was not meant. */
export const resolve = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Provider, HttpMisconfigured> {
  const wrong = (option: keyof Options, problem: string) => new HttpMisconfigured({ option, problem })
  const base = URL.parse(options.url)
  if (base === null || !/^https?:$/.test(base.protocol) || base.hostname === "") {
    return yield* wrong("url", "is no http or https URL")
  }
  if (base.username !== "" || base.password !== "")
    return yield* wrong("url", "holds credentials; they belong in `authorization`")
  if (base.search !== "" || base.hash !== "") return yield* wrong("url", "has a query or a fragment")
  if (base.protocol === "http:" && options.plaintext !== true)
    return yield* wrong("url", "is not encrypted; use https, or allow `plaintext`")
  const networks = options.networks ?? []
  if (!networks.every(isNetwork))
    return yield* wrong("networks", "has an entry that is no network, such as 10.1.0.0/16")
  const headers: Headers = {
    ...normal(options.headers ?? {}),
    ...(options.authorization === undefined ? {} : { authorization: options.authorization })
  }
  const key = keyOf(options.key ?? {})
  const misfit = misfitIn(headers, key === undefined ? [] : [key.name])
  // The value is left out of the sentence: it may be a secret.
  if (misfit !== undefined)
    return yield* wrong("headers", `sets ${JSON.stringify(misfit)}, which it may not, or not to this`)
  if (key !== undefined && misfitIn({ [key.name]: "key" }) !== undefined)
    return yield* wrong("key", "has a name that no such header can have")
  return {
    base,
    hosts: new Set([base.host, ...(options.hosts ?? [])]),
    plaintext: options.plaintext ?? false,
    mayConnect: judgeOf(networks),
    headers,
    secrets: secretsIn(Object.values(headers)),
    key,
    ca: options.ca,
    connectTimeout: Duration.fromInputUnsafe(options.connectTimeout ?? "10 seconds"),
    answerTimeout: Duration.fromInputUnsafe(options.answerTimeout ?? "5 minutes"),
    maxRequestBytes: options.maxRequestBytes ?? mebibyte,
    maxAnswerBytes: options.maxAnswerBytes ?? mebibyte
  }
})

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

/** The options by their usual names: `HTTP_URL`, and where wanted `HTTP_AUTHORIZATION`, its whole value. */
export const options: Config.Config<Options> = Config.all({
  url: Config.String("HTTP_URL"),
  authorization: optional(Config.Redacted("HTTP_AUTHORIZATION"))
})
