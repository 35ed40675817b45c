/**
 * TextMessage: one text for one number.
 *
 * The caller owns the words. Twilio keeps nothing of ours with a text: the key's reference goes into the
 * address that it reports to, where one is configured, and nowhere else.
 */
import { createHash } from "node:crypto"
import { Schema } from "effect"
import * as Http from "fibric/connectors/http"

/** A number as E.164 writes it: `+`, a country, at most 15 digits, and nothing else. */
export const PhoneNumber = Schema.String.check(
  Schema.isPattern(/^\+[1-9]\d{6,14}$/, {
    identifier: "PhoneNumber",
    description: "a phone number in E.164 form, such as +15558675310",
    message: "Expected a phone number in E.164 form, such as +15558675310"
  })
)
export type PhoneNumber = typeof PhoneNumber.Type

/** Twilio takes no longer text. Beyond 160 characters, or 70 of a wider alphabet, it costs more than one. */
const mostCharacters = 1_600

export const Text = Schema.NonEmptyString.check(Schema.isMaxLength(mostCharacters))

/** One text for one number. */
export const TextMessage = Schema.Struct({ to: PhoneNumber, text: Text })
export type TextMessage = typeof TextMessage.Type

/** A text that Twilio has taken responsibility for. Whether it arrives is another event. */
export const Sent = Schema.Struct({
  /** Twilio's name for it. */
  sid: Schema.String,
  /** `queued`, or `accepted` where a Messaging Service sends. */
  status: Schema.String
})
export type Sent = typeof Sent.Type

/** At most 100 characters without control characters: what Twilio says of a text is stored, shown and logged. */
export const lineOf = (said: string): string => Http.oneLine(said, 100)

/** The key in a form that tells nothing, as `statusCallback` is called with it. */
export const referenceFor = (key: string): string =>
  createHash("sha256")
    .update(JSON.stringify(["fibric/sms/reference/1", key]))
    .digest("hex")
    .slice(0, 40)
