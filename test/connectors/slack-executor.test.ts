/**
 * Slack under the executor: a flood, a refusal, and lost answers, which Slack's own history resolves.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schedule } from "effect"
import { type Call, Capability, Connector, Entity, execute, Fibric, Recoverer, Recovery } from "fibric"
import * as Slack from "fibric/connectors/slack"
import { fault } from "../support/fault.ts"
import * as FakeSlack from "../support/FakeSlack.ts"
import { optionsFor } from "./slack-subject.ts"

const deploys = Slack.Channel.at("C0DEPLOYS")
const out = Slack.postMessage.propose(deploys, { purpose: "deployed v41", text: "v41 is out" })

const Release = Entity.make("release")

/** A verb of the domain's own, which is looked for soon. */
const announce = Capability.make("announce", {
  entity: Release,
  payload: { channel: Slack.ChannelId, text: Slack.Text },
  success: Slack.Posted,
  error: Slack.SlackRefused,
  occasion: () => "out",
  recovery: Recovery.lookup({ lag: "1 second", every: "20 millis" }),
  deadline: "10 seconds",
  stores: ["channel", "text"],
  effectId: Slack.effectId
})

const announced = announce.propose(Release.at("v41"), { channel: "C0DEPLOYS", text: "v41 is out" })

/** Silence is none for long. */
const overSoon = (port: number) =>
  Connector.make("announcing", announce)
    .toLayer(
      Effect.map(Slack.Slack, (slack) => ({
        announce: {
          perform: (message: typeof announce.payload.Type, call: Call) => slack.post(message, call),
          lookup: ({ channel }: typeof announce.payload.Type, call: Call) => slack.find({ channel }, call)
        }
      }))
    )
    .pipe(
      Layer.provide(Slack.layer(optionsFor(port, { answerTimeout: "200 millis" }))),
      Layer.provideMerge(Fibric.layerMemory)
    )

const over = (port: number, more: Partial<Slack.Options> = {}) =>
  Slack.layerPostMessage.pipe(
    Layer.provide(Slack.layer(optionsFor(port, more))),
    Layer.provideMerge(Fibric.layerMemory)
  )

describe("a message through the executor", () => {
  it.live("is posted once for 657 asks, with one receipt", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      const answers = yield* Effect.all(
        Array.from({ length: 657 }, () => execute(out)),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(over(fake.port)))
      assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
      assert.lengthOf(yield* fake.messages, 1)
    })
  )

  it.live(`${fault("refused, then repeated")} replays Slack's no without asking it again`, () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      yield* fake.behave({ error: "channel_not_found" })
      const refusals = yield* Effect.gen(function* () {
        const first = yield* Effect.flip(execute(out))
        yield* fake.behave("well")
        return [first, yield* Effect.flip(execute(out))]
      }).pipe(Effect.provide(over(fake.port)))
      assert.deepStrictEqual(
        refusals.map((refusal) => [refusal._tag, "code" in refusal ? refusal.code : ""]),
        [
          ["SlackRefused", "channel_not_found"],
          ["SlackRefused", "channel_not_found"]
        ]
      )
      assert.lengthOf(yield* fake.messages, 0)
    })
  )

  it.live("is free again when Slack had no time for it", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      yield* fake.behave("busy")
      const seen = yield* Effect.gen(function* () {
        const { _tag } = yield* Effect.flip(execute(out))
        yield* fake.behave("well")
        return [_tag, (yield* execute(out)).receipt.outcome]
      }).pipe(Effect.provide(over(fake.port)))
      assert.deepStrictEqual(seen, ["NotPerformed", "performed"])
      assert.lengthOf(yield* fake.messages, 1)
    })
  )

  for (const behaviour of ["swallow", "shaken"] as const) {
    it.live(`is resolved by its mark in the channel when Slack's answer is lost (${behaviour})`, () =>
      Effect.gen(function* () {
        const fake = yield* FakeSlack.make()
        yield* fake.behave(behaviour)
        const seen = yield* Effect.gen(function* () {
          const doubt = yield* Effect.flip(execute(announced))
          yield* fake.behave("well")
          const { recoverDue } = yield* Recoverer
          const after = yield* Effect.retry(
            Effect.andThen(recoverDue, execute(announced)),
            Schedule.spaced("20 millis")
          )
          return { doubt: doubt._tag, found: Option.getOrUndefined(after.output) }
        }).pipe(Effect.provide(overSoon(fake.port)))
        const messages = yield* fake.messages
        assert.deepStrictEqual(seen, {
          doubt: "InDoubt",
          found: { channel: "C0DEPLOYS", ts: messages[0]?.ts ?? "" }
        })
        assert.lengthOf(messages, 1)
      })
    )
  }

  it.live("stays in doubt when nothing is found, and is not posted again", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      yield* fake.behave("deaf")
      const tags = yield* Effect.gen(function* () {
        const first = yield* Effect.flip(execute(announced))
        yield* fake.behave("well")
        const { recoverDue } = yield* Recoverer
        yield* Effect.repeat(recoverDue, { times: 2 })
        return [first._tag, (yield* Effect.flip(execute(announced)))._tag]
      }).pipe(Effect.provide(overSoon(fake.port)))
      assert.deepStrictEqual(tags, ["InDoubt", "InDoubt"])
      assert.lengthOf(yield* fake.messages, 0)
    })
  )

  it.live("does not keep the channel's other messages back while it is in doubt", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      yield* fake.behave("swallow")
      const seen = yield* Effect.gen(function* () {
        const first = yield* Effect.flip(execute(out))
        yield* fake.behave("well")
        const next = Slack.postMessage.propose(deploys, { purpose: "deployed v42", text: "v42 is out" })
        return [first._tag, (yield* execute(next)).receipt.outcome]
      }).pipe(Effect.provide(over(fake.port, { answerTimeout: "200 millis" })))
      assert.deepStrictEqual(seen, ["InDoubt", "performed"])
    })
  )
})
