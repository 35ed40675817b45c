/**
 * Smtp: sends one mail for one action, and says honestly what became of it.
 *
 * For connectors: a capability of one's own calls `send` with the call that the kernel gave it. The
 * mail server owns the truth about the mail.
 */
import { Config, Context, Effect, Layer, Schema } from "effect"
import type { Call, NotPerformed, OutcomeUnknown } from "fibric"
import * as SmtpConfig from "./config.ts"
import { converse } from "./conversation.ts"
import { compose, Mail, unfit } from "./Mail.ts"
import type { SmtpRefused } from "./verdict.ts"

/** What a successful send returns. */
export const Sent = Schema.Struct({
  /** The id in the mail's header, made from the key. Look for it in the server's log or the mailbox. */
  messageId: Schema.String,
  /** The server's words when it took the mail. */
  response: Schema.String
})
export type Sent = typeof Sent.Type

/** The rest of the deadline is left for the outcome to be settled in. */
const handOverShare = 0.9

const decodeMail = Schema.decodeUnknownEffect(Mail)

export class Smtp extends Context.Service<
  Smtp,
  {
    /**
     * Sends the mail once, on a connection of its own, closed afterwards.
     *
     * Success: the server took responsibility for it. `SmtpRefused`: the server said no to this
     * mail. `NotPerformed`: proven that no server took it. `OutcomeUnknown`: it had begun to leave
     * and no answer tells. A mail that doesn't fit its schema is `NotPerformed` before a connection
     * is opened. Nothing leaves after nine tenths of the call's deadline. An interrupt closes the
     * socket.
     */
    readonly send: (
      mail: Mail,
      call: Call
    ) => Effect.Effect<Sent, SmtpRefused | NotPerformed | OutcomeUnknown>
  }
>()("fibric/connectors/smtp/Smtp") {}

const make = Effect.fnUntraced(function* (options: SmtpConfig.Options) {
  const relay = yield* SmtpConfig.resolve(options)
  return Smtp.of({
    send: Effect.fn("Smtp.send")(function* (mail, call) {
      const fitting = yield* Effect.mapError(decodeMail(mail), ({ message }) => unfit(message))
      const letter = yield* compose(fitting, relay.from, call.key)
      const { response } = yield* converse(relay, letter, call.deadlineMillis * handOverShare)
      return { messageId: letter.messageId, response }
    })
  })
})

/** Sends through the given server. Nothing is connected before the first mail. */
export const layer = (options: SmtpConfig.Options): Layer.Layer<Smtp, Schema.SchemaError> =>
  Layer.effect(Smtp, make(options))

/** The same, from configuration: by default from `SMTP_HOST`, `SMTP_FROM` and their kin. */
export const layerConfig = (
  config: Config.Wrap<SmtpConfig.Options> = SmtpConfig.options
): Layer.Layer<Smtp, Schema.SchemaError | Config.ConfigError> =>
  Layer.effect(Smtp, Effect.flatMap(Config.unwrap(config), make))
