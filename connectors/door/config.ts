/**
 * Config: where the broker is, how to reach it, and which topics belong to which door.
 *
 * The application owns these values. A password is `Redacted` from the first line on, and the
 * connection is encrypted unless somebody says otherwise.
 */
import { Config, Duration, Option, Redacted } from "effect"

/**
 * - `tls`: encrypted from the first byte (port 8883)
 * - `none`: never encrypted; for a broker on this machine or a closed network (port 1883)
 */
export type Encryption = "tls" | "none"

/**
 * `5` has reason codes, answers and an expiry that the broker keeps. `3.1.1` has none of them: the door's
 * state alone confirms, and only the device itself can tell that a command has come too late.
 */
export type Protocol = "5" | "3.1.1"

/** The topics of one door. The first is written to; the others are listened to. */
export interface Topics {
  /** Where the device takes commands. */
  readonly command: string
  /** Where the device keeps its state, retained. */
  readonly state: string
  /** Below it the device answers each command, on a topic that the command names. MQTT 5 only. */
  readonly answers: string
}

/** The topics `<root>/<door>/command`, `…/state` and `…/answers`. */
export const topicsUnder =
  (root: string) =>
  (door: string): Topics => ({
    command: `${root}/${door}/command`,
    state: `${root}/${door}/state`,
    answers: `${root}/${door}/answers`
  })

export interface Options {
  readonly host: string
  /** Default: the usual port of the encryption. */
  readonly port?: number | undefined
  /** Default: `tls`. */
  readonly encryption?: Encryption | undefined
  /** Default: `5`. */
  readonly protocol?: Protocol | undefined
  /** Without a user nobody logs in. */
  readonly user?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  /** Certificates (PEM) of an authority of one's own, in place of the system's. */
  readonly ca?: string | undefined
  /** Where each door is, by its id. Default: `topicsUnder("doors")`. */
  readonly topics?: ((door: string) => Topics) | undefined
  /**
   * How long the door's word is waited for once the time is over in which a command may leave. A late word
   * is evidence too. Default: 1 minute.
   */
  readonly answerTimeout?: Duration.Input | undefined
}

/** The options with every default filled in. */
export interface Broker {
  readonly host: string
  readonly port: number
  readonly encryption: Encryption
  readonly protocol: Protocol
  readonly credentials: { readonly user: string; readonly password: Redacted.Redacted } | undefined
  readonly ca: string | undefined
  readonly topics: (door: string) => Topics
  readonly answerTimeout: Duration.Duration
}

const usualPort: { readonly [E in Encryption]: number } = { tls: 8883, none: 1883 }

/** Fills the defaults in. */
export const resolve = (options: Options): Broker => {
  const encryption = options.encryption ?? "tls"
  return {
    host: options.host,
    port: options.port ?? usualPort[encryption],
    encryption,
    protocol: options.protocol ?? "5",
    credentials:
      options.user === undefined
        ? undefined
        : { user: options.user, password: options.password ?? Redacted.make("") },
    ca: options.ca,
    topics: options.topics ?? topicsUnder("doors"),
    answerTimeout: Duration.fromInputUnsafe(options.answerTimeout ?? "1 minute")
  }
}

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

/**
 * The options by their usual names: `MQTT_HOST`, and where wanted `MQTT_PORT`, `MQTT_ENCRYPTION`,
 * `MQTT_PROTOCOL`, `MQTT_USER`, `MQTT_PASSWORD`, and `DOOR_TOPICS`, the root of all doors' topics.
 */
export const options: Config.Config<Options> = Config.map(
  Config.all({
    host: Config.String("MQTT_HOST"),
    port: optional(Config.Port("MQTT_PORT")),
    encryption: optional(Config.Literals(["tls", "none"], "MQTT_ENCRYPTION")),
    protocol: optional(Config.Literals(["5", "3.1.1"], "MQTT_PROTOCOL")),
    user: optional(Config.String("MQTT_USER")),
    password: optional(Config.Redacted("MQTT_PASSWORD")),
    root: optional(Config.String("DOOR_TOPICS"))
  }),
  ({ root, ...options }) => (root === undefined ? options : { ...options, topics: topicsUnder(root) })
)
