/**
 * PostMessage: a ready-made capability for a message in a channel.
 *
 * For applications without verbs of their own. Where the domain has a word for it ("announce a release"), a
 * capability of that name on `Slack` says more in every key and receipt.
 */
import { Effect, Schema } from "effect"
import { type Call, Capability, Connector, Content, Entity, Recovery } from "fibric"
import { Blocks, effectId, Posted, Text, Timestamp } from "./Message.ts"
import { Slack } from "./Slack.ts"
import { SlackRefused } from "./verdict.ts"

/**
 * A conversation, by Slack's id for it (`Channel.at("C0123456789")`). Its messages go one at a time, which is
 * also about as fast as Slack takes them.
 */
export const Channel = Entity.make("slack-channel")

/**
 * Posts one message. `purpose` names the one intended message ("deployed v41"): a second one for the same
 * channel and purpose is a repeat. The words may be reworded; the thread may not.
 */
export const postMessage = Capability.make("post-slack-message", {
  entity: Channel,
  payload: {
    purpose: Schema.NonEmptyString,
    text: Content(Text),
    blocks: Schema.optionalKey(Content(Blocks)),
    thread: Schema.optionalKey(Timestamp)
  },
  success: Posted,
  error: SlackRefused,
  occasion: ({ purpose }) => purpose,
  // Slack documents no bound on how soon a message shows up in the history. Finding nothing releases nothing.
  recovery: Recovery.lookup({ lag: "1 minute" }),
  deadline: "30 seconds",
  // What is said next in a channel does not depend on whether this one was heard.
  doubtHoldsLane: false,
  stores: ["purpose", "text", "blocks", "thread"],
  effectId
})

export const Messages = Connector.make("slack", postMessage)

type Payload = typeof postMessage.payload.Type

/** Carries `postMessage` out over `Slack`. */
export const layer = Messages.toLayer(
  Effect.map(Slack, (slack) => ({
    "post-slack-message": {
      // The purpose is none of Slack's business: a struct drops what it doesn't know.
      perform: (payload: Payload, call: Call) => slack.post({ ...payload, channel: call.entity.id }, call),
      lookup: ({ thread }: Payload, call: Call) => slack.find({ channel: call.entity.id, thread }, call)
    }
  }))
)
