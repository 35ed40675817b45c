/**
 * Sms by itself: what is sent, what each of Twilio's answers proves, and what a person is shown.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Redacted, Result } from "effect"
import * as Sms from "fibric/connectors/sms"
import * as FakeTwilio from "../support/FakeTwilio.ts"
import { answering, answerOf, callFor, outcomeOf, reasonOf } from "./http-support.ts"
import { optedOut, optionsFor } from "./sms-subject.ts"

const to = "+15558675310"
const text = "See you tomorrow at nine."
const call = callFor("f00d.0")

const send = (port: number, message: Sms.TextMessage = { to, text }, more: Partial<Sms.Options> = {}) =>
  Effect.flatMap(Sms.Sms, (sms) => Effect.result(sms.send(message, call))).pipe(
    Effect.provide(Sms.layer(optionsFor(port, more)))
  )

const refused = "SmsRefused"
const free = "NotPerformed provider_denies"
const unknown = "OutcomeUnknown"

type Case = readonly [status: number, code: number, outcome: string]

const codes: ReadonlyArray<Case> = [
  [400, 21211, refused],
  [400, 21610, refused],
  [400, 21614, refused],
  [400, 21617, refused],
  [400, 21212, free],
  [400, 21408, free],
  [400, 21606, free],
  [400, 21611, free],
  [400, 99999, free],
  [401, 20003, free],
  [403, 20003, free],
  [404, 20404, free],
  [404, 21211, free],
  [429, 20429, free],
  [429, 21611, free],
  [408, 21211, unknown],
  [409, 21211, unknown],
  [500, 20500, unknown],
  [503, 20429, unknown],
  [500, 21211, unknown]
]

/** What has not the shape of Twilio's answers: by its status alone. */
const others: ReadonlyArray<readonly [status: number, body: string, outcome: string]> = [
  [201, "", unknown],
  [201, "<html>", unknown],
  [201, `{"sid":7,"status":"queued"}`, unknown],
  [200, `{"sid":"SM1","status":"queued"}`, unknown],
  [202, `{"sid":"SM1","status":"queued"}`, unknown],
  [400, "bad request, says a gateway", free],
  [400, `{"code":21211,"status":404}`, free],
  [429, "slow down, says a gateway", unknown],
  [302, "", unknown],
  [502, "bad gateway", unknown]
]

describe("an error of Twilio's", () => {
  for (const [status, code, outcome] of codes) {
    it.live(`${code} with ${status} is ${outcome}, is asked for once, and tells no number`, () =>
      Effect.gen(function* () {
        const body = JSON.stringify({ code, status, message: `The 'To' number ${to} is not for this.` })
        const server = yield* answering(answerOf(status, body))
        const result = yield* send(server.port)
        assert.deepStrictEqual([outcomeOf(result), server.connections()], [outcome, 1])
        assert.include(reasonOf(result), String(code))
        assert.notInclude(reasonOf(result), to)
      })
    )
  }
})

describe("an answer without the shape of Twilio's", () => {
  for (const [status, body, outcome] of others) {
    it.live(`${status} ${body} is ${outcome}`, () =>
      Effect.gen(function* () {
        const server = yield* answering(answerOf(status, body))
        assert.strictEqual(outcomeOf(yield* send(server.port)), outcome)
      })
    )
  }
})

describe("an error that is not quite in Twilio's shape", () => {
  const message = `The 'To' number ${to} is not for this: ${text}`
  for (const [status, body, outcome] of [
    [400, { code: 21211, message }, free],
    [400, { code: 21211, status: "400", message }, free],
    [400, { code: 21211, status: 404, message }, free],
    [429, { code: "20429", status: 429, message }, unknown],
    [500, { message }, unknown]
  ] as const) {
    it.live(`(${status} ${JSON.stringify(body)}) is ${outcome}, and tells no number and no words`, () =>
      Effect.gen(function* () {
        const server = yield* answering(answerOf(status, JSON.stringify(body)))
        const result = yield* send(server.port)
        assert.strictEqual(outcomeOf(result), outcome)
        assert.match(reasonOf(result), new RegExp(`^Twilio answered ${status}(;|$)`))
        assert.notInclude(reasonOf(result), to)
      })
    )
  }
})

describe("a text", () => {
  it.live("that was taken is done, whatever Twilio calls it, and what it is called is a line", () =>
    Effect.gen(function* () {
      const sid = `SM\u0000\n${"x".repeat(100_000)}`
      const server = yield* answering(answerOf(201, JSON.stringify({ sid, status: sid })))
      const line = `SM ${"x".repeat(97)}`
      assert.deepStrictEqual(Result.getOrThrow(yield* send(server.port)), { sid: line, status: line })
    })
  )

  it.live("is taken with its number, its sender and its words, and nothing else", () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      const result = yield* send(fake.port, { to, text: "50 % off & more: häppchen 🍪" })
      const texts = yield* fake.texts
      assert.deepStrictEqual(Result.getOrThrow(result), { sid: texts[0]?.sid ?? "", status: "queued" })
      assert.deepStrictEqual(
        texts.map(({ fields }) => fields),
        [{ To: to, From: FakeTwilio.from, Body: "50 % off & more: häppchen 🍪" }]
      )
    })
  )

  it.live("comes from a Messaging Service where one is configured, and is reported with its reference", () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      const service = `MG${"0".repeat(32)}`
      const statusCallback = "https://shop.example/sms?from=twilio"
      const result = yield* send(fake.port, undefined, { from: service, statusCallback })
      assert.strictEqual(Result.getOrThrow(result).status, "accepted")
      assert.deepStrictEqual((yield* fake.texts)[0]?.fields, {
        To: to,
        MessagingServiceSid: service,
        Body: text,
        StatusCallback: `${statusCallback}&fibric=${Sms.referenceFor(call.key)}`
      })
      assert.notInclude(JSON.stringify(yield* fake.texts), call.key)
    })
  )

  it.live("for somebody who has opted out is refused", () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      assert.strictEqual(outcomeOf(yield* send(fake.port, { to: optedOut, text })), refused)
      assert.lengthOf(yield* fake.texts, 0)
    })
  )

  const unfit: ReadonlyArray<readonly [string, Sms.TextMessage]> = [
    ["for a number without its country", { to: "08675310", text }],
    ["for a number as people write it", { to: "+1 555 867-5310", text }],
    ["for more digits than a number has", { to: `+${"1".repeat(16)}`, text }],
    ["for another channel", { to: `whatsapp:${to}`, text }],
    ["without words", { to, text: "" }],
    ["of more words than Twilio takes", { to, text: "x".repeat(1_601) }]
  ]
  for (const [what, message] of unfit) {
    it.live(`${what} is kept back`, () =>
      Effect.gen(function* () {
        const fake = yield* FakeTwilio.make()
        const result = yield* send(fake.port, message)
        assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
        assert.lengthOf(yield* fake.texts, 0)
      })
    )
  }

  it.live("that gets no answer is unknown, and the reason says what to look for without the number", () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      yield* fake.behave("swallow")
      const statusCallback = "https://shop.example/sms"
      const result = yield* send(fake.port, undefined, { answerTimeout: "200 millis", statusCallback })
      assert.strictEqual(outcomeOf(result), unknown)
      assert.include(reasonOf(result), `a report with the reference ${Sms.referenceFor(call.key)}`)
      assert.notInclude(reasonOf(result), to)
      assert.lengthOf(yield* fake.texts, 1)
    })
  )
})

describe("a person who decides", () => {
  const candidates = (port: number, message: Sms.TextMessage = { to, text }) =>
    Effect.flatMap(Sms.Sms, (sms) => Effect.result(sms.candidates(message))).pipe(
      Effect.provide(Sms.layer(optionsFor(port)))
    )

  it.live("is shown what the number was sent, and which of it has the same words", () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      yield* send(fake.port)
      yield* send(fake.port, { to, text: "Something else." })
      yield* send(fake.port, { to: "+15550000000", text })
      const { more, texts } = Result.getOrThrow(yield* candidates(fake.port))
      assert.deepStrictEqual(
        [more, texts.map(({ sameText, sid, status }) => [sid.slice(-1), status, sameText])],
        [
          false,
          [
            ["2", "queued", false],
            ["1", "queued", true]
          ]
        ]
      )
      assert.match(texts[0]?.createdAt ?? "", /^\w{3}, \d{2} \w{3} \d{4} [\d:]{8} \+0000$/)
    })
  )

  it.live("is told that there are older ones", () =>
    Effect.gen(function* () {
      const fake = yield* FakeTwilio.make()
      yield* Effect.forEach(Array.from({ length: 51 }), () => send(fake.port), { concurrency: 8 })
      const { more, texts } = Result.getOrThrow(yield* candidates(fake.port))
      assert.deepStrictEqual([more, texts.length], [true, 50])
    })
  )

  it.live("is not told that there is nothing where Twilio could not be asked", () =>
    Effect.gen(function* () {
      for (const answer of [answerOf(404, "{}"), answerOf(500, ""), answerOf(200, "{}")]) {
        const server = yield* answering(answer)
        assert.strictEqual(outcomeOf(yield* candidates(server.port)), "LookupFailed")
      }
    })
  )
})

describe("the configuration", () => {
  const fromEnv = (env: Readonly<Record<string, string>>) =>
    Effect.flatMap(FakeTwilio.make(), ({ port }) =>
      Effect.flatMap(Sms.Sms, (sms) => Effect.result(sms.send({ to, text }, call))).pipe(
        Effect.provide(
          Sms.layerConfig({
            account: Config.String("TWILIO_ACCOUNT_SID"),
            secret: Config.Redacted("TWILIO_AUTH_TOKEN"),
            from: Config.String("TWILIO_FROM"),
            url: Config.succeed(`http://127.0.0.1:${port}/2010-04-01`),
            plaintext: Config.succeed(true),
            networks: Config.succeed(["127.0.0.1"])
          })
        ),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...env } }))
      )
    )
  const env = {
    TWILIO_ACCOUNT_SID: FakeTwilio.account,
    TWILIO_AUTH_TOKEN: FakeTwilio.secret,
    TWILIO_FROM: FakeTwilio.from
  }

  it.live("takes the account, its token and the sender by their usual names", () =>
    Effect.gen(function* () {
      assert.strictEqual(outcomeOf(yield* fromEnv(env)), "done")
      assert.strictEqual(outcomeOf(yield* fromEnv({ ...env, TWILIO_AUTH_TOKEN: "another" })), free)
    })
  )

  it.effect("takes a token or an API key, and is refused without either", () =>
    Effect.gen(function* () {
      const build = (more: Readonly<Record<string, string>>) =>
        Effect.void.pipe(
          Effect.provide(Sms.layerConfig()),
          Effect.provideService(
            ConfigProvider.ConfigProvider,
            ConfigProvider.fromEnv({
              env: { TWILIO_ACCOUNT_SID: FakeTwilio.account, TWILIO_FROM: FakeTwilio.from, ...more }
            })
          ),
          Effect.result,
          Effect.map(Result.isSuccess)
        )
      assert.deepStrictEqual(
        yield* Effect.forEach(
          [{ TWILIO_AUTH_TOKEN: "t" }, { TWILIO_API_KEY: "SK1", TWILIO_API_SECRET: "s" }, {}],
          build
        ),
        [true, true, false]
      )
    })
  )

  for (const [option, more] of [
    ["an account that is none", { account: "ACME" }],
    ["a sender that is none", { from: "a name that is far too long" }],
    ["a status callback that is no URL", { statusCallback: "/sms" }]
  ] as const) {
    it.effect(`is refused with ${option}`, () =>
      Effect.gen(function* () {
        const layer = Sms.layer({ ...optionsFor(1), secret: Redacted.make("s"), ...more })
        const error = yield* Effect.flip(Effect.provide(Effect.void, layer))
        assert.strictEqual(error._tag, "SchemaError")
      })
    )
  }
})
