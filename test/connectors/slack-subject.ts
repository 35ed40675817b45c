/**
 * The Slack connector as a subject of the laws: against a fake of Slack, with its ready-made capability.
 */
import { Effect, Layer, Redacted } from "effect"
import * as Slack from "fibric/connectors/slack"
import * as Laws from "fibric/testing/laws"
import * as FakeSlack from "../support/FakeSlack.ts"

const archived = "C0ARCHIVED"

/** Where the connector finds it, behind whatever stands at the port. */
export const optionsFor = (port: number, more: Partial<Slack.Options> = {}): Slack.Options => ({
  token: Redacted.make(FakeSlack.token),
  url: `http://127.0.0.1:${port}/api`,
  plaintext: true,
  networks: ["127.0.0.1"],
  ...more
})

const said = { purpose: "deployed v41", text: "v41 is out" }

export const slack = Laws.subject({
  name: "slack",
  server: Effect.map(FakeSlack.make({ archived: [archived] }), ({ messages, port }) => ({
    port,
    // Slack takes no key; the mark is made from it.
    effects: Effect.map(messages, (all) => all.map((): Laws.Happened => ({ key: undefined })))
  })),
  connector: ({ port }) => Slack.layerPostMessage.pipe(Layer.provide(Slack.layer(optionsFor(port)))),
  action: Slack.postMessage.propose(Slack.Channel.at("C0DEPLOYS"), said),
  refused: Slack.postMessage.propose(Slack.Channel.at(archived), said),
  secrets: [FakeSlack.token],
  silence: "400 millis"
})
