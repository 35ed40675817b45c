/**
 * Config: where the mail server is and how to reach it.
 *
 * The application owns these values. A password is `Redacted` from the first line on, and the
 * connection is encrypted unless somebody says otherwise.
 */
import { Config, Duration, Effect, Option, Redacted, Schema } from "effect"
import { Mailbox } from "./Mail.ts"

/**
 * - `starttls`: begins in the clear and insists on encryption before anything else (port 587)
 * - `tls`: encrypted from the first byte (port 465)
 * - `none`: never encrypted; for a server on this machine or a closed network (port 25)
 */
export type Encryption = "starttls" | "tls" | "none"

export interface Options {
  readonly host: string
  /** Default: the usual port of the encryption. */
  readonly port?: number | undefined
  /** Default: `starttls`. */
  readonly encryption?: Encryption | undefined
  /** Without a user nobody logs in. */
  readonly user?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  /** Who the mails come from, unless a mail says otherwise. */
  readonly from: Mailbox
  /** Certificates (PEM) of an authority of one's own, in place of the system's. */
  readonly ca?: string | undefined
  /** For the look-up, the connection, the greeting and the handshake together. Default: 20 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long the server may be silent, its answer to the message included. Default: 10 minutes. */
  readonly answerTimeout?: Duration.Input | undefined
}

/** The options with every default filled in. */
export interface Relay {
  readonly host: string
  readonly port: number
  readonly encryption: Encryption
  readonly credentials: { readonly user: string; readonly password: Redacted.Redacted } | undefined
  readonly from: Mailbox
  readonly ca: string | undefined
  readonly connectTimeout: Duration.Duration
  readonly answerTimeout: Duration.Duration
}

const usualPort: { readonly [E in Encryption]: number } = { starttls: 587, tls: 465, none: 25 }

/** Fills the defaults in. Fails where the sender's address is none: no mail could ever leave. */
export const resolve = Effect.fnUntraced(function* (options: Options) {
  const encryption = options.encryption ?? "starttls"
  const from = yield* Schema.decodeEffect(Mailbox)(options.from)
  return {
    host: options.host,
    port: options.port ?? usualPort[encryption],
    encryption,
    credentials:
      options.user === undefined
        ? undefined
        : { user: options.user, password: options.password ?? Redacted.make("") },
    from,
    ca: options.ca,
    connectTimeout: Duration.fromInputUnsafe(options.connectTimeout ?? "20 seconds"),
    answerTimeout: Duration.fromInputUnsafe(options.answerTimeout ?? "10 minutes")
  } satisfies Relay
})

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

/**
 * The options by their usual names: `SMTP_HOST` and `SMTP_FROM`, and where wanted `SMTP_PORT`,
 * `SMTP_ENCRYPTION`, `SMTP_USER`, `SMTP_PASSWORD`.
 */
export const options: Config.Config<Options> = Config.all({
  host: Config.String("SMTP_HOST"),
  from: Config.String("SMTP_FROM"),
  port: optional(Config.Port("SMTP_PORT")),
  encryption: optional(Config.Literals(["starttls", "tls", "none"], "SMTP_ENCRYPTION")),
  user: optional(Config.String("SMTP_USER")),
  password: optional(Config.Redacted("SMTP_PASSWORD"))
})
