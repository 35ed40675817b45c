/**
 * Finding a message by its mark: what is found, when "nothing" is said, and when it is not.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Option } from "effect"
import * as Slack from "fibric/connectors/slack"
import * as FakeSlack from "../support/FakeSlack.ts"
import { serving } from "./http-provider.ts"
import { answering, answerOf, callFor } from "./http-support.ts"
import { optionsFor } from "./slack-subject.ts"

const channel = "C0DEPLOYS"

const over = (port: number, more: Partial<Slack.Options> = {}) =>
  Effect.gen(function* () {
    const { find, post } = yield* Slack.Slack
    return {
      post: (key: string, thread?: string) =>
        post({ channel, text: "v41 is out", ...(thread === undefined ? {} : { thread }) }, callFor(key)),
      /** The message's timestamp, `nothing`, or why it could not be asked. */
      find: (key: string, place: Partial<Slack.Place> = {}) =>
        Effect.match(find({ channel, ...place }, callFor(key)), {
          onFailure: ({ reason }) => `failed: ${reason}`,
          onSuccess: Option.match({ onNone: () => "nothing", onSome: ({ ts }) => ts })
        })
    }
  }).pipe(Effect.provide(Slack.layer(optionsFor(port, more))))

describe("a message that was posted", () => {
  it.live("is found by its key among all others, and by no other key", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make({ pageSize: 3 })
      const slack = yield* over(fake.port)
      yield* fake.chatter(channel, 4)
      const { ts } = yield* slack.post("mine.0")
      yield* slack.post("other.0")
      yield* fake.chatter(channel, 7)
      assert.deepStrictEqual(yield* Effect.forEach(["mine.0", "mine.1"], (key) => slack.find(key)), [
        ts,
        "nothing"
      ])
    })
  )

  it.live("is found in its thread, and not in the channel's own history", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      const slack = yield* over(fake.port)
      const { ts: thread } = yield* slack.post("parent.0")
      const { ts } = yield* slack.post("reply.0", thread)
      assert.deepStrictEqual(
        [
          yield* slack.find("reply.0", { thread }),
          yield* slack.find("reply.0"),
          yield* slack.find("reply.0", { thread: "1.000009" })
        ],
        [ts, "nothing", `failed: Slack answered 200: thread_not_found`]
      )
    })
  )

  it.live("is found from an earliest instant on that is a little late, and not from one long after it", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      const slack = yield* over(fake.port)
      const { ts } = yield* slack.post("mine.0")
      const now = yield* DateTime.now
      const earliest = (minutes: number) =>
        slack.find("mine.0", { earliestAt: DateTime.add(now, { minutes }) })
      assert.deepStrictEqual([yield* earliest(4), yield* earliest(6)], [ts, "nothing"])
    })
  )
})

describe("nothing", () => {
  it.live("is not said where more pages are left than are read", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make({ pageSize: 2 })
      const slack = yield* over(fake.port, { mostPages: 3 })
      yield* slack.post("mine.0")
      yield* fake.chatter(channel, 5)
      const found = yield* slack.find("mine.0")
      yield* fake.chatter(channel, 1)
      assert.deepStrictEqual(
        [/^\d+\.000001$/.test(found), yield* slack.find("mine.0")],
        [true, `failed: 3 pages of ${channel} were read, and there are more`]
      )
    })
  )

  it.live("is not said where the older part of the history is hidden", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make({ limited: true })
      const slack = yield* over(fake.port)
      const { ts } = yield* slack.post("mine.0")
      assert.deepStrictEqual(
        [yield* slack.find("mine.0"), yield* slack.find("other.0")],
        [ts, "failed: Slack hides the older part of this channel's history"]
      )
    })
  )

  it.live("is not said of a thread either where its older part is hidden", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make({ limited: true })
      const slack = yield* over(fake.port)
      const { ts: thread } = yield* slack.post("parent.0")
      assert.strictEqual(
        yield* slack.find("reply.0", { thread }),
        "failed: Slack hides the older part of this channel's history"
      )
    })
  )

  it.live("is not said where a page before the last hides something, and the last does not say so", () =>
    Effect.gen(function* () {
      const first = { is_limited: true, response_metadata: { next_cursor: "bmV4dA==" } }
      const port = yield* serving(({ url }, response) => {
        const page = url?.includes("cursor=") === true ? {} : first
        response.end(JSON.stringify({ ok: true, messages: [], ...page }))
      })
      const slack = yield* over(port)
      assert.strictEqual(
        yield* slack.find("mine.0"),
        "failed: Slack hides the older part of this channel's history"
      )
    })
  )

  it.live("is not said of a thread that is named by one of its replies", () =>
    Effect.gen(function* () {
      const fake = yield* FakeSlack.make()
      const slack = yield* over(fake.port)
      const { ts: thread } = yield* slack.post("parent.0")
      const { ts: reply } = yield* slack.post("reply.0", thread)
      const now = yield* DateTime.now
      assert.deepStrictEqual(
        [
          yield* slack.find("other.0", { thread }),
          yield* slack.find("other.0", { thread, earliestAt: DateTime.add(now, { hours: 1 }) }),
          yield* slack.find("other.0", { thread: reply }),
          yield* slack.find("other.0", { thread: reply, earliestAt: DateTime.add(now, { hours: 1 }) })
        ],
        [
          "nothing",
          "nothing",
          `failed: no thread begins with ${reply}`,
          `failed: no thread begins with ${reply}`
        ]
      )
    })
  )

  it.live("is said where Slack writes null for what there is not", () =>
    Effect.gen(function* () {
      const page = {
        ok: true,
        messages: [
          { ts: null, text: "a message without a timestamp" },
          { text: "another", metadata: null }
        ],
        has_more: null,
        is_limited: null,
        response_metadata: { next_cursor: null }
      }
      const server = yield* answering(answerOf(200, JSON.stringify(page)))
      const slack = yield* over(server.port)
      assert.strictEqual(yield* slack.find("mine.0"), "nothing")
    })
  )

  it.live("is not said of a message that has the mark and no timestamp", () =>
    Effect.gen(function* () {
      const mark = { event_type: "fibric_action", event_payload: { key: Slack.referenceFor("mine.0") } }
      const page = JSON.stringify({ ok: true, messages: [{ text: "v41 is out", metadata: mark }] })
      const server = yield* answering(answerOf(200, page))
      const slack = yield* over(server.port)
      assert.strictEqual(yield* slack.find("mine.0"), "failed: Slack shows the message without its timestamp")
    })
  )

  for (const [status, page] of [
    [200, `{"ok":true,"has_more":"yes","messages":[{"ts":"1.000001","text":"Ada's salary"}]}`],
    [200, `{"ok":false,"error":"Ada's salary"}`],
    [500, `{"ok":true,"messages":[{"ts":"1.000001","text":"Ada's salary"}]}`]
  ] as const) {
    it.live(`is not said where Slack answers ${status} ${page}, and nobody's words are told`, () =>
      Effect.gen(function* () {
        const server = yield* answering(answerOf(status, page))
        const slack = yield* over(server.port)
        assert.strictEqual(yield* slack.find("mine.0"), `failed: Slack answered ${status}`)
      })
    )
  }

  it.live("is not said where there is more without a way to it", () =>
    Effect.gen(function* () {
      const server = yield* answering(answerOf(200, `{"ok":true,"messages":[],"has_more":true}`))
      const slack = yield* over(server.port)
      assert.match(yield* slack.find("mine.0"), /^failed: Slack has more messages/)
    })
  )

  for (const [status, body] of [
    [200, `{"ok":false,"error":"missing_scope"}`],
    [200, `{"ok":false,"error":"channel_not_found"}`],
    [429, `{"ok":false,"error":"ratelimited"}`],
    [200, `{"ok":true}`],
    [404, `{"ok":true,"messages":[]}`],
    [500, ""]
  ] as const) {
    it.live(`is not said where Slack answers ${status} ${body}`, () =>
      Effect.gen(function* () {
        const server = yield* answering(answerOf(status, body))
        const slack = yield* over(server.port)
        assert.match(yield* slack.find("mine.0"), /^failed: /)
      })
    )
  }

  it.live("is not said of a channel's name, and Slack is not asked", () =>
    Effect.gen(function* () {
      const server = yield* answering(answerOf(200, `{"ok":true,"messages":[]}`))
      const slack = yield* over(server.port)
      assert.match(yield* slack.find("mine.0", { channel: "#deploys" }), /^failed: Expected a Slack/)
      assert.strictEqual(server.connections(), 0)
    })
  )
})
