/**
 * Email: a ready-made capability for a mail to one recipient.
 *
 * For applications without verbs of their own. Where the domain has a word for it ("order shipped"),
 * a capability of that name on `Smtp` says more in every key and receipt.
 */
import { Effect, Schema } from "effect"
import { Capability, Connector, Content, Entity, Recovery } from "fibric"
import { EmailAddress } from "./Mail.ts"
import { Sent, Smtp } from "./Smtp.ts"
import { SmtpRefused } from "./verdict.ts"

/** Who receives mails: a customer, a user. Its id is the application's own, so it survives a new address. */
export const Recipient = Entity.make("recipient")

/**
 * Sends one mail. `purpose` names the one intended mail ("welcome", "invoice 2041"): a second mail for
 * the same recipient and purpose is a repeat. The words may be reworded; the address may not.
 */
export const sendEmail = Capability.make("send-email", {
  entity: Recipient,
  payload: {
    purpose: Schema.NonEmptyString,
    to: EmailAddress,
    subject: Content(Schema.String),
    text: Content(Schema.String),
    html: Schema.optionalKey(Content(Schema.String))
  },
  success: Sent,
  error: SmtpRefused,
  occasion: ({ purpose }) => purpose,
  // SMTP knows no idempotency key and can't be asked afterwards, so a person decides.
  recovery: Recovery.hold,
  deadline: "2 minutes"
})

export const Email = Connector.make("email", sendEmail)

/** Carries `sendEmail` out over `Smtp`. */
export const layer = Email.toLayer(
  Effect.gen(function* () {
    const smtp = yield* Smtp
    return { "send-email": smtp.send }
  })
)
