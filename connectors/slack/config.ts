/**
 * Config: whose token speaks to Slack, and where Slack is.
 *
 * The application owns these values. The token is `Redacted` from the first line on.
 */
import { Config, type Duration, Option, type Redacted } from "effect"
import * as Http from "fibric/connectors/http"

export interface Options {
  /** A bot's token (`xoxb-…`) with the scope `chat:write`, and a `…:history` scope for `find`. */
  readonly token: Redacted.Redacted
  /** Where the Web API is. Default: `https://slack.com/api`. */
  readonly url?: string | undefined
  /**
   * How many pages of 200 messages `find` reads at most, from 1. Where a channel has more to read, `find`
   * fails, and never says that there is nothing. Default: 10.
   */
  readonly mostPages?: number | undefined
  /** Allows `http:`, for a fake. Default: false. */
  readonly plaintext?: boolean | undefined
  /** Networks that are not public and may be connected to all the same. Default: none. */
  readonly networks?: ReadonlyArray<string> | undefined
  /** Certificates (PEM) of an authority of one's own, in place of the system's. */
  readonly ca?: string | undefined
  /** For the look-up, the connection and the handshake together. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long Slack may take to answer, counted from when the request left. Default: 5 minutes. */
  readonly answerTimeout?: Duration.Input | undefined
}

/** Slack as a provider with an HTTP API: it takes no key. */
export const provider = (options: Options): Http.Options => ({
  url: options.url ?? "https://slack.com/api",
  authorization: Http.bearer(options.token),
  key: "none",
  plaintext: options.plaintext,
  networks: options.networks,
  ca: options.ca,
  connectTimeout: options.connectTimeout,
  answerTimeout: options.answerTimeout,
  // A page of history may hold 200 messages of the longest kind, in several forms each.
  maxAnswerBytes: 16_777_216
})

/** The options by their usual names: `SLACK_TOKEN`, and where wanted `SLACK_URL`. */
export const options: Config.Config<Options> = Config.all({
  token: Config.Redacted("SLACK_TOKEN"),
  url: Config.map(Config.option(Config.String("SLACK_URL")), Option.getOrUndefined)
})
