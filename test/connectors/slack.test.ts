/**
 * Slack by itself: what is sent, and what each of Slack's answers proves.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Redacted, Result } from "effect"
import * as Slack from "fibric/connectors/slack"
import * as FakeSlack from "../support/FakeSlack.ts"
import { answering, answerOf, callFor, outcomeOf, reasonOf } from "./http-support.ts"
import { optionsFor } from "./slack-subject.ts"

const channel = "C0DEPLOYS"
const call = callFor("f00d.0")

const post = (
  port: number,
  message: Slack.Message = { channel, text: "v41 is out" },
  more: Partial<Slack.Options> = {}
) =>
  Effect.flatMap(Slack.Slack, (slack) => Effect.result(slack.post(message, call))).pipe(
    Effect.provide(Slack.layer(optionsFor(port, more)))
  )

type Case = readonly [status: number, error: string, outcome: string]

const refused = "SlackRefused"
const free = "NotPerformed provider_denies"
const unknown = "OutcomeUnknown"

/** One of each kind, and those that are easily taken for another one. */
const words: ReadonlyArray<Case> = [
  [200, "channel_not_found", refused],
  [200, "is_archived", refused],
  [200, "msg_too_long", refused],
  [200, "invalid_blocks", refused],
  [200, "restricted_action", refused],
  [200, "not_in_channel", free],
  [200, "invalid_auth", free],
  [200, "token_revoked", free],
  [200, "missing_scope", free],
  [429, "ratelimited", free],
  [200, "rate_limited", free],
  [200, "message_limit_exceeded", free],
  [200, "internal_error", unknown],
  [200, "fatal_error", unknown],
  [200, "service_unavailable", unknown],
  [200, "request_timeout", unknown],
  [200, "duplicate_message_not_found", unknown],
  [200, "a_word_of_next_year", unknown],
  [500, "channel_not_found", unknown],
  [503, "ratelimited", unknown]
]

/** What is no word of Slack's: by its status alone. */
const others: ReadonlyArray<readonly [status: number, body: string, outcome: string]> = [
  [200, "", unknown],
  [200, "<html>", unknown],
  [200, `{"ok":true}`, unknown],
  [200, `{"ok":true,"channel":"C0DEPLOYS"}`, unknown],
  [200, `{"ok":"true","channel":"C0DEPLOYS","ts":"1.000001"}`, unknown],
  [200, `{"ok":false}`, unknown],
  [201, `{"ok":true,"channel":"C0DEPLOYS","ts":"1.000001"}`, unknown],
  [429, `{"ok":true,"channel":"C0DEPLOYS","ts":"1.000001"}`, unknown],
  [429, "slow down, says a gateway", unknown],
  [302, "", unknown],
  [400, "bad request, says a gateway", free],
  [403, "no, says a gateway", free],
  [502, "bad gateway", unknown]
]

describe("a word of Slack's", () => {
  for (const [status, error, outcome] of words) {
    it.live(`${error} with ${status} is ${outcome}, and is asked for once`, () =>
      Effect.gen(function* () {
        const server = yield* answering(answerOf(status, JSON.stringify({ ok: false, error })))
        const result = yield* post(server.port)
        assert.deepStrictEqual([outcomeOf(result), server.connections()], [outcome, 1])
        assert.include(reasonOf(result), error)
      })
    )
  }
})

describe("an answer that is no word of Slack's", () => {
  for (const [status, body, outcome] of others) {
    it.live(`${status} ${body} is ${outcome}`, () =>
      Effect.gen(function* () {
        const server = yield* answering(answerOf(status, body))
        assert.strictEqual(outcomeOf(yield* post(server.port)), outcome)
      })
    )
  }
})

describe("an answer that may repeat the message", () => {
  for (const [status, body] of [
    [200, `{"ok":true,"message":{"text":"v41 is out"}}`],
    [200, `{"ok":false,"error":"v41 is out"}`],
    [200, `v41 is out`],
    [429, `{"ok":true,"channel":"C0DEPLOYS","ts":"1.000001","message":{"text":"v41 is out"}}`],
    [403, `v41 is out`]
  ] as const) {
    it.live(`(${status} ${body}) is told with its status alone`, () =>
      Effect.gen(function* () {
        const server = yield* answering(answerOf(status, body))
        const result = yield* post(server.port)
        assert.match(reasonOf(result), new RegExp(`^Slack answered ${status}(;|$)`))
        assert.notInclude(reasonOf(result), "v41 is out")
      })
    )
  }
})

describe("a message", () => {
  it.live("that was posted is done, whatever Slack calls it, and what it is called is a line", () =>
    Effect.gen(function* () {
      const ts = `1\u0000\n${"x".repeat(100_000)}`
      const server = yield* answering(answerOf(200, JSON.stringify({ ok: true, channel: ts, ts })))
      const line = `1 ${"x".repeat(98)}`
      assert.deepStrictEqual(Result.getOrThrow(yield* post(server.port)), { channel: line, ts: line })
    })
  )

  it.live("is posted with its words and its mark, and without its key", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      const blocks = [{ type: "section", text: { type: "mrkdwn", text: "*v41* is out" } }]
      const result = yield* post(fake.port, { channel, text: "v41 is out", blocks, thread: "1.000001" })
      const messages = yield* fake.messages
      assert.deepStrictEqual(Result.getOrThrow(result), { channel, ts: messages[0]?.ts ?? "" })
      assert.deepStrictEqual(messages, [
        {
          channel,
          ts: messages[0]?.ts ?? "",
          text: "v41 is out",
          thread: "1.000001",
          metadata: {
            event_type: "fibric_action",
            event_payload: { key: Slack.referenceFor(call.key) }
          }
        }
      ])
      assert.notInclude(JSON.stringify(messages), call.key)
    })
  )

  it.live("goes as JSON in UTF-8, with the token", () =>
    Effect.gen(function* () {
      const server = yield* answering(answerOf(200, `{"ok":true,"channel":"${channel}","ts":"1.000001"}`))
      yield* post(server.port)
      const [heard = ""] = server.heard()
      assert.match(heard, /^POST \/api\/chat\.postMessage HTTP\/1\.1\r\n/)
      assert.match(heard, /content-type: application\/json; charset=utf-8\r\n/i)
      assert.include(heard, `Bearer ${FakeSlack.token}`)
      assert.notMatch(heard, /idempotency/i)
    })
  )

  const unfit: ReadonlyArray<readonly [string, Slack.Message]> = [
    ["for a channel's name", { channel: "#deploys", text: "v41 is out" }],
    ["for a user", { channel: "U0123456789", text: "v41 is out" }],
    ["without words", { channel, text: "" }],
    ["of more words than Slack keeps in one message", { channel, text: "x".repeat(4_001) }],
    ["in no thread", { channel, text: "v41 is out", thread: "yesterday" }],
    [
      "of more blocks than Slack takes",
      { channel, text: "x", blocks: Array.from({ length: 51 }, () => ({ type: "divider" })) }
    ]
  ]
  for (const [what, message] of unfit) {
    it.live(`${what} is kept back`, () =>
      Effect.gen(function* () {
        const fake = yield* FakeSlack.make()
        assert.strictEqual(outcomeOf(yield* post(fake.port, message)), "NotPerformed never_sent")
        assert.lengthOf(yield* fake.messages, 0)
      })
    )
  }

  it.live("that gets no answer is unknown, and the reason says what to look for", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      yield* fake.behave("swallow")
      const result = yield* post(fake.port, undefined, { answerTimeout: "200 millis" })
      assert.strictEqual(outcomeOf(result), unknown)
      assert.include(reasonOf(result), `look in ${channel} for it`)
      assert.include(reasonOf(result), Slack.referenceFor(call.key))
      assert.lengthOf(yield* fake.messages, 1)
    })
  )

  it("mentions nobody and links to nothing where its words were escaped", () => {
    assert.strictEqual(
      Slack.escape("<!channel> & <https://evil.example|here>"),
      "&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;"
    )
  })
})

describe("the configuration", () => {
  const fromEnv = (env: Readonly<Record<string, string>>, port: number) =>
    Effect.flatMap(Slack.Slack, (slack) => Effect.result(slack.post({ channel, text: "hello" }, call))).pipe(
      Effect.provide(
        Slack.layerConfig({
          token: Config.Redacted("SLACK_TOKEN"),
          url: Config.succeed(`http://127.0.0.1:${port}/api`),
          plaintext: Config.succeed(true),
          networks: Config.succeed(["127.0.0.1"])
        })
      ),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...env } }))
    )

  it.live("takes the token from SLACK_TOKEN", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      const right = yield* fromEnv({ SLACK_TOKEN: FakeSlack.token }, fake.port)
      const wrong = yield* fromEnv({ SLACK_TOKEN: "xoxb-another" }, fake.port)
      assert.deepStrictEqual([outcomeOf(right), outcomeOf(wrong)], ["done", free])
    })
  )

  it.effect("is refused where Slack would be spoken to in the clear", () =>
    Effect.gen(function* () {
      const layer = Slack.layer({ token: Redacted.make("xoxb"), url: "http://slack.example/api" })
      const error = yield* Effect.flip(Effect.provide(Effect.void, layer))
      assert.strictEqual(error._tag, "HttpMisconfigured")
    })
  )
})
