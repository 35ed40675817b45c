/**
 * fibric/connectors/slack: messages in Slack's channels with honest outcomes. The public names, nothing else.
 */
export { LookupFailed } from "fibric/connectors/http"
export { type Options } from "./config.ts"
export { type Place } from "./History.ts"
export {
  Blocks,
  ChannelId,
  effectId,
  escape,
  Message,
  Posted,
  referenceFor,
  Text,
  Timestamp
} from "./Message.ts"
export { Channel, layer as layerPostMessage, Messages, postMessage } from "./PostMessage.ts"
export { layer, layerConfig, Slack } from "./Slack.ts"
export { SlackRefused } from "./verdict.ts"
