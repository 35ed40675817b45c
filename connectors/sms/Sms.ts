/**
 * Sms: sends one text for one action, and says honestly what became of it.
 *
 * For connectors: a capability of one's own calls `send` with the call that the kernel gave it. Twilio owns
 * the truth about the text.
 */
import { Config, Context, Effect, Layer, Schema } from "effect"
import { type Call, NotPerformed, OutcomeUnknown } from "fibric"
import * as Http from "fibric/connectors/http"
import { type Candidates, candidatesFor } from "./Candidates.ts"
import * as SmsConfig from "./config.ts"
import { referenceFor, type Sent, TextMessage } from "./TextMessage.ts"
import { type SmsRefused, verdict } from "./verdict.ts"

export class Sms extends Context.Service<
  Sms,
  {
    /**
     * Sends the text once.
     *
     * Success: Twilio took responsibility for it. `SmsRefused`: Twilio said no to this text. `NotPerformed`:
     * proven that Twilio did not take it. `OutcomeUnknown`: the request had begun to leave and no answer
     * tells. A text that doesn't fit its schema is `NotPerformed` before a connection is opened. Nothing
     * leaves after nine tenths of the call's deadline. An interrupt destroys the connection.
     */
    readonly send: (
      message: TextMessage,
      call: Call
    ) => Effect.Effect<Sent, SmsRefused | NotPerformed | OutcomeUnknown>
    /** What the number was sent lately, for a person to look at: a hint about a doubt, and no proof. */
    readonly candidates: (message: TextMessage) => Effect.Effect<Candidates, Http.LookupFailed>
  }
>()("fibric/connectors/sms/Sms") {}

const decodeMessage = Schema.decodeUnknownEffect(TextMessage)

type Resolved = Effect.Success<ReturnType<typeof SmsConfig.resolve>>

const reportTo = (callback: URL, key: string): string => {
  const url = new URL(callback.href)
  url.searchParams.set("fibric", referenceFor(key))
  return url.href
}

const requestFor = (
  { account, sender, statusCallback }: Resolved,
  { text, to }: TextMessage,
  key: string
): Http.Request =>
  Http.post(
    ["Accounts", account, "Messages.json"],
    Http.form({
      To: to,
      Body: text,
      ...sender,
      ...(statusCallback === undefined ? {} : { StatusCallback: reportTo(statusCallback, key) })
    })
  )

/** What a person has to go by. The number stays out of it: a reason is stored and logged. */
const hintFor = ({ statusCallback }: Resolved, key: string): string =>
  statusCallback === undefined
    ? "look in Twilio's log for a text to this number at that time"
    : `look for a report with the reference ${referenceFor(key)}, and in Twilio's log for a text to this number at that time`

const make = Effect.fnUntraced(function* (options: SmsConfig.Options) {
  const resolved = yield* SmsConfig.resolve(options)
  const api = yield* Http.make(SmsConfig.provider(options))
  return Sms.of({
    send: Effect.fn("Sms.send")(function* (message, call) {
      const fitting = yield* Effect.mapError(
        decodeMessage(message),
        (error) =>
          new NotPerformed({
            proof: "never_sent",
            reason: `the text can't be sent as it is: ${error.message}`
          })
      )
      return yield* Effect.catchTag(
        api.perform(requestFor(resolved, fitting, call.key), verdict, call),
        "OutcomeUnknown",
        ({ reason }) =>
          Effect.fail(new OutcomeUnknown({ reason: `${reason}; ${hintFor(resolved, call.key)}` }))
      )
    }),
    candidates: Effect.fn("Sms.candidates")((message) => candidatesFor(api, resolved.account, message))
  })
})

/** Sends from the given account. Nothing is connected before the first text. */
export const layer = (
  options: SmsConfig.Options
): Layer.Layer<Sms, Http.HttpMisconfigured | Schema.SchemaError> => Layer.effect(Sms, make(options))

/** The same, from configuration: by default from `TWILIO_ACCOUNT_SID`, `TWILIO_FROM` and their kin. */
export const layerConfig = (
  config: Config.Wrap<SmsConfig.Options> = SmsConfig.options
): Layer.Layer<Sms, Http.HttpMisconfigured | Schema.SchemaError | Config.ConfigError> =>
  Layer.effect(Sms, Effect.flatMap(Config.unwrap(config), make))
