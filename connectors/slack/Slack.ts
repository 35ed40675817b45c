/**
 * Slack: posts one message for one action, and says honestly what became of it.
 *
 * For connectors: a capability of one's own calls `post` with the call that the kernel gave it, and `find`
 * where its recovery is `lookup`. Slack owns the truth about the message.
 */
import { Config, Context, Effect, Layer, type Option, Schema } from "effect"
import { type Call, NotPerformed, OutcomeUnknown } from "fibric"
import * as Http from "fibric/connectors/http"
import * as SlackConfig from "./config.ts"
import { type Place, search } from "./History.ts"
import { markFor, Message, type Posted, referenceFor } from "./Message.ts"
import { type SlackRefused, verdict } from "./verdict.ts"

export class Slack extends Context.Service<
  Slack,
  {
    /**
     * Posts the message once, with the key's mark in its metadata.
     *
     * Success: it is in the channel. `SlackRefused`: Slack said no to this message. `NotPerformed`: proven
     * that it was not posted. `OutcomeUnknown`: the request had begun to leave and no answer tells. A message
     * that doesn't fit its schema is `NotPerformed` before a connection is opened. Nothing leaves after nine
     * tenths of the call's deadline. An interrupt destroys the connection.
     */
    readonly post: (
      message: Message,
      call: Call
    ) => Effect.Effect<Posted, SlackRefused | NotPerformed | OutcomeUnknown>
    /**
     * The message that was posted for this call, found by its mark. `None`: all of the place's history was
     * read, and it is not there (yet). Fails where Slack could not be asked, or not for all of it.
     */
    readonly find: (place: Place, call: Call) => Effect.Effect<Option.Option<Posted>, Http.LookupFailed>
  }
>()("fibric/connectors/slack/Slack") {}

const decodeMessage = Schema.decodeUnknownEffect(Message)

/** Slack wants to be told the charset, and warns where it is not. */
const headers = { "content-type": "application/json; charset=utf-8" }

const requestFor = ({ blocks, channel, text, thread }: Message, key: string): Http.Request =>
  Http.post(
    ["chat.postMessage"],
    Http.json({
      channel,
      text,
      metadata: markFor(key),
      ...(blocks === undefined ? {} : { blocks }),
      ...(thread === undefined ? {} : { thread_ts: thread })
    }),
    { headers }
  )

const make = Effect.fnUntraced(function* (options: SlackConfig.Options) {
  const api = yield* Http.make(SlackConfig.provider(options))
  const mostPages = Math.max(1, Math.floor(options.mostPages ?? 10))
  return Slack.of({
    post: Effect.fn("Slack.post")(function* (message, call) {
      const fitting = yield* Effect.mapError(
        decodeMessage(message),
        (error) =>
          new NotPerformed({
            proof: "never_sent",
            reason: `the message can't be sent as it is: ${error.message}`
          })
      )
      return yield* Effect.catchTag(
        api.perform(requestFor(fitting, call.key), verdict, call),
        "OutcomeUnknown",
        ({ reason }) => {
          const where = `look in ${fitting.channel} for it; its metadata has the key ${referenceFor(call.key)}`
          return Effect.fail(new OutcomeUnknown({ reason: `${reason}; ${where}` }))
        }
      )
    }),
    find: Effect.fn("Slack.find")((place, call) => search(api, mostPages, place, call))
  })
})

/** Speaks with the given token. Nothing is connected before the first message. */
export const layer = (options: SlackConfig.Options): Layer.Layer<Slack, Http.HttpMisconfigured> =>
  Layer.effect(Slack, make(options))

/** The same, from configuration: by default from `SLACK_TOKEN`, and `SLACK_URL` where wanted. */
export const layerConfig = (
  config: Config.Wrap<SlackConfig.Options> = SlackConfig.options
): Layer.Layer<Slack, Http.HttpMisconfigured | Config.ConfigError> =>
  Layer.effect(Slack, Effect.flatMap(Config.unwrap(config), make))
