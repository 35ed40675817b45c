/**
 * Message: one message for one channel, and the mark by which it is found again.
 *
 * The caller owns the words; the key owns the mark. Slack keeps it as the message's metadata, where people
 * don't see it and every app of the channel can read it.
 */
import { createHash } from "node:crypto"
import { Schema } from "effect"
import * as Http from "fibric/connectors/http"

/**
 * A conversation's id, `C0123456789`. Not its name and not a user's id, which `chat.postMessage` would take
 * too: a name can move to another channel, and neither can be asked what was posted there.
 */
export const ChannelId = Schema.String.check(
  Schema.isPattern(/^[CDG][A-Z0-9]{2,31}$/, {
    identifier: "SlackChannelId",
    description: "a Slack conversation's id, such as C0123456789",
    message: "Expected a Slack conversation's id, such as C0123456789, and not a name"
  })
)

/** Slack's name for a message inside of its channel: seconds and a counter, `1503435956.000247`. */
export const Timestamp = Schema.String.check(
  Schema.isPattern(/^\d{1,12}\.\d{6}$/, {
    identifier: "SlackTimestamp",
    message: "Expected a message's timestamp, such as 1503435956.000247"
  })
)

/** Slack may break a longer text into several messages, or cut it: then one action would not be one message. */
const mostCharacters = 4_000

/** In Slack's mark-up: what comes from elsewhere goes through `escape` first. */
export const Text = Schema.NonEmptyString.check(Schema.isMaxLength(mostCharacters))

/** Slack's limit for one message. */
const mostBlocks = 50

/** Block Kit, as it is. Slack judges it. */
export const Blocks = Schema.Array(Schema.Json).check(Schema.isMaxLength(mostBlocks))

/** One message for one channel. */
export const Message = Schema.Struct({
  channel: ChannelId,
  /** What is shown; beside blocks, what notifications show. */
  text: Text,
  blocks: Schema.optionalKey(Blocks),
  /** The message that it replies to. */
  thread: Schema.optionalKey(Timestamp)
})
export type Message = typeof Message.Type

/** A message that Slack has taken. */
export const Posted = Schema.Struct({ channel: Schema.String, ts: Schema.String })
export type Posted = typeof Posted.Type

/** At most 100 characters without control characters: what Slack calls a message is stored, shown and logged. */
export const lineOf = (name: string): string => Http.oneLine(name, 100)

/** What Slack calls the effect: a channel's id and a message's timestamp name one message. */
export const effectId = ({ channel, ts }: Posted): string => `${channel}:${ts}`

/** Text from elsewhere, so that it mentions nobody and links to nothing: `<!channel>` is three characters more. */
export const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const eventType = "fibric_action"

/** The key in a form that tells nothing: other apps of the channel can read it. */
export const referenceFor = (key: string): string =>
  createHash("sha256")
    .update(JSON.stringify(["fibric/slack/reference/1", key]))
    .digest("hex")
    .slice(0, 40)

/** A message's metadata for a key: the same for every dispatch of one intended change. */
export const markFor = (key: string) => ({
  event_type: eventType,
  event_payload: { key: referenceFor(key) }
})

const isMark = Schema.is(
  Schema.Struct({
    event_type: Schema.Literal(eventType),
    event_payload: Schema.Struct({ key: Schema.String })
  })
)

/** Whether a message with this metadata was posted for the key. */
export const bears = (metadata: unknown, key: string): boolean =>
  isMark(metadata) && metadata.event_payload.key === referenceFor(key)
