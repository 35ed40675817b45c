/**
 * SendSms: a ready-made capability for a text to one number.
 *
 * For applications without verbs of their own. Where the domain has a word for it ("remind of the
 * appointment"), a capability of that name on `Sms` says more in every key and receipt.
 */
import { Effect, Schema } from "effect"
import { Capability, Connector, Content, Entity, Recovery } from "fibric"
import { Sms } from "./Sms.ts"
import { PhoneNumber, Sent, Text } from "./TextMessage.ts"
import { SmsRefused } from "./verdict.ts"

/**
 * Who receives texts: a customer, a patient. Its id is the application's own and not the number, which
 * would stand in every key and receipt for ever; and it survives a new number.
 */
export const Recipient = Entity.make("sms-recipient")

/**
 * Sends one text. `purpose` names the one intended text ("reminder 2026-11-27"): a second one for the same
 * recipient and purpose is a repeat. The words may be reworded; the number may not.
 */
export const sendSms = Capability.make("send-sms", {
  entity: Recipient,
  payload: { purpose: Schema.NonEmptyString, to: PhoneNumber, text: Content(Text) },
  success: Sent,
  error: SmsRefused,
  occasion: ({ purpose }) => purpose,
  // Twilio takes no key for texts and keeps nothing of ours with them, so a person decides.
  recovery: Recovery.hold,
  deadline: "30 seconds",
  // A doubtful reminder must not keep the next code for a login back until somebody has decided.
  doubtHoldsLane: false,
  effectId: ({ sid }) => sid
})

export const Texting = Connector.make("sms", sendSms)

/** Carries `sendSms` out over `Sms`. */
export const layer = Texting.toLayer(
  Effect.gen(function* () {
    const sms = yield* Sms
    return { "send-sms": sms.send }
  })
)
