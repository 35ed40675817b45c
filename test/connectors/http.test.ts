/**
 * Http as its users see it: what leaves, what never does, and what an outcome tells.
 */
import { createServer, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import {
  Clock,
  ConfigProvider,
  Deferred,
  Effect,
  Fiber,
  Layer,
  Option,
  Redacted,
  Result,
  Schema
} from "effect"
import * as Http from "fibric/connectors/http"
import { Resolver } from "../../connectors/http/Address.ts"
import { fixture, listening, serving } from "./http-provider.ts"
import {
  answering,
  answerOf,
  callFor,
  counting,
  local,
  order,
  outcomeOf,
  perform,
  reasonOf,
  token
} from "./http-support.ts"

/** What a request looks like on the wire. */
const sent = Effect.fnUntraced(function* (
  request: Http.Request,
  options: Partial<Http.Options> = {},
  key = "fibric-4471-0"
) {
  const { heard, port } = yield* answering(answerOf(200))
  const result = yield* perform(local(port, options), request, { call: callFor(key) })
  assert.strictEqual(outcomeOf(result), "done")
  return heard().join("")
})

describe("a request", () => {
  it.live("carries JSON with its members in one order, so that the same payload makes the same bytes", () =>
    Effect.gen(function* () {
      const one = { b: [{ d: 1, c: undefined }], a: "ä" }
      const other = { a: "ä", b: [{ c: undefined, d: 1 }] }
      const body = (text: string) => text.slice(text.indexOf("\r\n\r\n") + 4)
      const text = yield* sent(Http.put("orders/7", Http.json(one)))
      assert.match(text, /^PUT \/v1\/orders\/7 HTTP\/1\.1\r\n/)
      assert.include(text, "content-type: application/json\r\n")
      assert.include(text, "content-length: 24\r\n")
      assert.strictEqual(Buffer.from(body(text), "latin1").toString("utf8"), `{"a":"ä","b":[{"d":1}]}`)
      assert.strictEqual(body(yield* sent(Http.put("orders/7", Http.json(other)))), body(text))
    })
  )

  it.live("carries a form, with brackets for what is nested", () =>
    Effect.gen(function* () {
      const text = yield* sent(
        Http.post("/orders", Http.form({ amount: 420, metadata: { "order id": "7&8" } }))
      )
      assert.match(text, /^POST \/v1\/orders HTTP\/1\.1\r\n/)
      assert.include(text, "content-type: application/x-www-form-urlencoded\r\n")
      assert.isTrue(text.endsWith("\r\n\r\namount=420&metadata%5Border+id%5D=7%268"))
    })
  )

  it.live("asks for a connection of its own, and for an answer that can be read as it comes", () =>
    Effect.gen(function* () {
      const { connections, heard, port } = yield* answering(answerOf(200), false)
      yield* perform(local(port))
      yield* perform(local(port))
      assert.strictEqual(connections(), 2)
      assert.match(heard().join(""), /\r\nconnection: close\r\n/i)
      assert.match(heard().join(""), /\r\naccept-encoding: identity\r\n/)
    })
  )

  const keys: ReadonlyArray<readonly [Http.Options["key"], string, string]> = [
    [undefined, "fibric-4471-0", `idempotency-key: "fibric-4471-0"`],
    [{}, String.raw`a"b\c`, String.raw`idempotency-key: "a\"b\\c"`],
    [{ form: "bare" }, "fibric-4471-0", "idempotency-key: fibric-4471-0"],
    [{ name: "X-Request-Id", form: "bare" }, "fibric-4471-0", "x-request-id: fibric-4471-0"]
  ]
  for (const [key, given, header] of keys) {
    it.live(`names its change to the provider as ${header}`, () =>
      Effect.gen(function* () {
        assert.include(yield* sent(order, { key }, given), `\r\n${header}\r\n`)
      })
    )
  }

  it.live("carries no key where the provider takes none", () =>
    Effect.gen(function* () {
      assert.notInclude(yield* sent(order, { key: "none" }), "fibric-4471-0")
    })
  )

  it.live("shows who asks to the provider, and to no other host that it may go to", () =>
    Effect.gen(function* () {
      const options = { headers: { "X-Api-Key": Redacted.make(token), "X-Version": "3" } }
      assert.include(yield* sent(order, options), `authorization: Bearer ${token}\r\n`)
      const { heard, port } = yield* answering(answerOf(200))
      const elsewhere = local(1, { ...options, hosts: [`127.0.0.1:${port}`] })
      yield* perform(elsewhere, Http.post(`http://127.0.0.1:${port}/upload`))
      assert.include(heard().join(""), "x-version: 3\r\n")
      assert.notInclude(heard().join(""), token)
    })
  )
})

/** Has itself in it. */
const circle: Record<string, unknown> = {}
circle["within"] = circle
const secretCircle: Record<string, unknown> = {}
secretCircle["within"] = Redacted.make(secretCircle)

describe("what never leaves", () => {
  const never: ReadonlyArray<
    readonly [what: string, request: Http.Request, options?: Partial<Http.Options>]
  > = [
    ["a body that is too long", Http.post("orders", Http.json("x".repeat(99))), { maxRequestBytes: 100 }],
    ["a body without a JSON form", Http.post("orders", Http.json(undefined))],
    ["a body with a big integer", Http.post("orders", Http.json([1n]))],
    ["a body with a circle", Http.post("orders", Http.json(circle))],
    ["a body with a circle in secret", Http.post("orders", Http.json(secretCircle))],
    ["a form with a circle", Http.post("orders", Http.form(circle))],
    ["a query with a circle", Http.post("orders", undefined, { query: circle })],
    ["a form with a list of objects", Http.post("orders", Http.form({ items: [{ price: "p1" }] }))],
    ["a query with a list of objects", Http.post("orders", undefined, { query: { items: [{ a: 1 }] } })],
    ["a form with an object in secret", Http.post("orders", Http.form({ card: Redacted.make({ a: 1 }) }))],
    [
      "a header that frames the message",
      Http.post("orders", undefined, { headers: { "Content-Length": "1" } })
    ],
    ["a login of its own", Http.post("orders", undefined, { headers: { Authorization: "Bearer other" } })],
    ["a key of its own", Http.post("orders", undefined, { headers: { "Idempotency-Key": "other" } })],
    [
      "a header with a line break",
      Http.post("orders", undefined, { headers: { "X-Tag": "1\r\nX-Evil: 1" } })
    ],
    ["a header's name with a line break", Http.post("orders", undefined, { headers: { "X:\r\nY": "1" } })]
  ]
  for (const [what, request, options] of never) {
    it.live(`is ${what}`, () =>
      Effect.gen(function* () {
        const { connections, port } = yield* answering(answerOf(200))
        const result = yield* perform(local(port, options), request)
        assert.deepStrictEqual([outcomeOf(result), connections()], ["NotPerformed never_sent", 0])
        assert.include(reasonOf(result), "the request can't be sent")
      })
    )
  }

  it.live("is a key that no header can hold", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* answering(answerOf(200))
      for (const key of ["a\r\nX-Evil: 1", "schlüssel", ""]) {
        const result = yield* perform(local(port), order, { call: callFor(key) })
        assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
      }
      assert.strictEqual(connections(), 0)
    })
  )

  it.live("is a request that finds nobody, or nobody whom it can trust", () =>
    Effect.gen(function* () {
      let served = 0
      const secure = yield* serving((_request, response) => {
        served++
        response.end()
      }, "https")
      const plain = yield* answering(answerOf(200))
      const gone = yield* Effect.scoped(listening(() => createServer()))
      const https = (port: number, more: Partial<Http.Options> = {}) =>
        local(port, { url: `https://127.0.0.1:${port}`, ...more })
      const cases: ReadonlyArray<Http.Options> = [
        local(gone),
        https(gone),
        // A certificate of an unknown authority, one for another name, and no TLS at all.
        https(secure),
        {
          ...https(secure, { ca: fixture("certificate") }),
          url: `https://localhost:${secure}`,
          networks: ["127.0.0.1", "::1"]
        },
        https(plain.port)
      ]
      for (const options of cases) {
        assert.strictEqual(outcomeOf(yield* perform(options)), "NotPerformed never_sent", options.url)
      }
      assert.strictEqual(served, 0)
    })
  )

  it.live("is one that has no time left, or is not connected in time", () =>
    Effect.gen(function* () {
      const silent = yield* listening(() =>
        createServer((socket) => void socket.on("error", () => {}).resume())
      )
      const { connections, port } = yield* answering(answerOf(200))
      const late = yield* perform(local(port), order, { call: callFor("key", 0) })
      const handshake = { url: `https://127.0.0.1:${silent}` }
      const slow = yield* perform(local(silent, handshake), order, { call: callFor("key", 200) })
      const patient = yield* perform(local(silent, { ...handshake, connectTimeout: "50 millis" }))
      for (const result of [late, slow, patient]) {
        assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
        assert.include(reasonOf(result), "its time was over")
      }
      assert.isAtMost(connections(), 1)
    })
  )
})

describe("a process that slept on its way to the connection", () => {
  it.live("sends nothing when it wakes: the kernel has called it doubtful by then", () =>
    Effect.gen(function* () {
      const { heard, port } = yield* answering(answerOf(200))
      const clock = yield* Clock.Clock
      let sleptNanos = 0n
      const woken: Clock.Clock = Object.assign(Object.create(clock), {
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + sleptNanos
      })
      const asleep = () =>
        Effect.sync(() => {
          sleptNanos = 60_000_000_000n
          return [{ address: "127.0.0.1", family: 4 as const }]
        })
      const result = yield* perform(local(port, { url: `http://api.example.com:${port}` })).pipe(
        Effect.provideService(Resolver, asleep),
        Effect.provideService(Clock.Clock, woken)
      )
      assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
      assert.include(reasonOf(result), "its time was over before it could leave")
      assert.deepStrictEqual(heard(), [])
    })
  )
})

describe("a request that has left", () => {
  it.live("is trusted over TLS where the certificate is", () =>
    Effect.gen(function* () {
      const port = yield* serving((_request, response) => void response.end(`{"count":3}`), "https")
      const options = local(port, {
        url: `https://127.0.0.1:${port}/v1`,
        ca: fixture("certificate"),
        plaintext: false
      })
      assert.deepStrictEqual(yield* perform(options), Result.succeed({ count: 3 }))
    })
  )

  it.live("is listened to past the deadline: a late answer is evidence", () =>
    Effect.gen(function* () {
      const port = yield* serving((_request, response) => {
        setTimeout(() => response.end(`{"count":3}`), 300)
      })
      const result = yield* perform(local(port), order, { call: callFor("key", 100) })
      assert.strictEqual(outcomeOf(result), "done")
    })
  )

  it.live("has its socket destroyed when it is interrupted", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<Socket>()
      const closed = yield* Deferred.make<void>()
      const port = yield* listening(() =>
        createServer((socket) => {
          socket.on("error", () => {})
          socket.once("close", () => Deferred.doneUnsafe(closed, Effect.void))
          socket.once("data", () => Deferred.doneUnsafe(arrived, Effect.succeed(socket)))
        })
      )
      const asking = yield* Effect.forkChild(perform(local(port)))
      yield* Deferred.await(arrived)
      yield* Fiber.interrupt(asking)
      yield* Deferred.await(closed)
    })
  )
})

/** A secret with a character of each kind that somebody writes otherwise. */
const pin = `pin/+&='<é\u{1F600}\n"\\ !()~*-4471?>`

/** A text in JSON, every unit of it by its number. */
const inUnits = (text: string): string =>
  text.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0").toUpperCase()}`)

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)
const inAscii = (text: string): string => text.replaceAll(/[^\0-~]/g, (unit) => inUnits(unit).toLowerCase())
const inLowerCase = (text: string): string => text.replaceAll(/%../g, (byte) => byte.toLowerCase())
const inForm = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1)

const bytes = Buffer.from(pin)

const written = [
  inJson(pin),
  inJson(inJson(pin)),
  // PHP, Python, Go and .NET.
  inAscii(inJson(pin).replaceAll("/", String.raw`\/`)),
  inAscii(inJson(pin)),
  inJson(pin).replaceAll(/[<>&]/g, (sign) => inUnits(sign).toLowerCase()),
  inJson(pin).replaceAll(/[^\w\\]/g, inUnits),
  inUnits(pin),
  encodeURIComponent(pin),
  inLowerCase(encodeURIComponent(pin)),
  inForm(pin),
  inLowerCase(inForm(pin)),
  bytes.toString("base64"),
  bytes.toString("base64").replaceAll("/", String.raw`\/`),
  encodeURIComponent(bytes.toString("base64")),
  bytes.toString("base64url"),
  bytes.toString("hex"),
  bytes.toString("hex").toUpperCase()
]

describe("what is told", () => {
  it.live("has no credentials in it, although the provider repeats them in every form", () =>
    Effect.gen(function* () {
      const password = `correct"horse/battery`
      const shown = Http.basic("shop", Redacted.make(password))
      const encoded = Buffer.from(`shop:${password}`).toString("base64")
      const forms = [
        password,
        JSON.stringify(password),
        encodeURIComponent(password),
        encoded,
        `Basic ${encoded}`
      ]
      for (const status of [200, 402, 403, 500]) {
        const { port } = yield* answering(answerOf(status, forms.join(" and "), [`x-seen: ${encoded}`]))
        const seen: Array<string> = []
        const read = (answer: Http.Answer) => {
          seen.push(answer.text, JSON.stringify(answer.headers))
          return counting(answer)
        }
        const result = yield* perform(local(port, { authorization: shown }), order, { read })
        const told = [...seen, reasonOf(result), JSON.stringify(result)].join("\n")
        assert.include(told, "<redacted>")
        for (const form of [
          password,
          JSON.stringify(password).slice(1, -1),
          encodeURIComponent(password),
          encoded
        ]) {
          assert.notInclude(told, form)
        }
      }
    })
  )

  it.live("has no part of a password in it that has colons, although the provider repeats it", () =>
    Effect.gen(function* () {
      for (const password of ["correct:horse:7", "correct:horse battery"]) {
        const authorization = Http.basic("shop", Redacted.make(password))
        const { port } = yield* answering(answerOf(402, `not with ${password}`))
        const result = yield* perform(local(port, { authorization }))
        assert.include(JSON.stringify(result), "not with <redacted>")
      }
    })
  )

  it.live("has nothing in it that was redacted in the body, which is sent as it is", () =>
    Effect.gen(function* () {
      const pin = Redacted.make("pin-4471-secret")
      const bodies: ReadonlyArray<readonly [Http.Body, string]> = [
        [Http.json({ card: [{ pin }] }), `{"card":[{"pin":"pin-4471-secret"}]}`],
        [Http.json(Redacted.make({ pin: ["pin-4471-secret"] })), `{"pin":["pin-4471-secret"]}`],
        [Http.json({ pin: Redacted.make(pin) }), `{"pin":"pin-4471-secret"}`],
        [Http.json({ pin: { toJSON: () => pin } }), `{"pin":"pin-4471-secret"}`],
        [Http.json({ pin: Redacted.make({ toJSON: () => "pin-4471-secret" }) }), `{"pin":"pin-4471-secret"}`],
        [Http.form({ card: { pin } }), "card%5Bpin%5D=pin-4471-secret"],
        [Http.form({ card: [Redacted.make(pin)] }), "card=pin-4471-secret"]
      ]
      for (const [body, text] of bodies) {
        const { heard, port } = yield* answering(answerOf(402, "no card with pin-4471-secret"))
        const result = yield* perform(local(port), Http.post("orders", body))
        assert.isTrue(heard().join("").endsWith(text))
        assert.include(JSON.stringify(result), "no card with <redacted>")
      }
    })
  )

  it.live("has no number in it that was redacted in the body, and its JSON can be read all the same", () =>
    Effect.gen(function* () {
      const number = Redacted.make(4_242_424_242_424_242)
      for (const body of [Http.json({ number }), Http.form({ number })]) {
        const { heard, port } = yield* answering(answerOf(200, `{"number":4242424242424242,"count":1}`))
        const read = ({ json, text }: Http.Answer) => Effect.succeed([Option.getOrUndefined(json), text])
        const result = yield* perform(local(port), Http.post("orders", body), { read })
        assert.match(heard().join(""), /4242424242424242\}?$/)
        const told = [{ number: "<redacted>", count: 1 }, `{"number":<redacted>,"count":1}`]
        assert.deepStrictEqual(result, Result.succeed(told))
      }
    })
  )

  it.live("has no secret in it, whichever way the provider writes its characters", () =>
    Effect.gen(function* () {
      const { heard, port } = yield* answering(answerOf(402, written.join(" and ")))
      const request = Http.post("orders", Http.json({ pin: Redacted.make(pin) }))
      const read = ({ text }: Http.Answer) => Effect.succeed(text.split(" and "))
      const result = yield* perform(local(port), request, { read })
      assert.include(heard().join(""), Buffer.from(JSON.stringify(pin)).toString("latin1"))
      assert.deepStrictEqual(result, Result.succeed(written.map(() => "<redacted>")))
    })
  )

  it.live("has no secret in its JSON either, in names and in values, in which JSON may stand again", () =>
    Effect.gen(function* () {
      // Every character as the number of its unit, as JSON allows it.
      const said = (text: string) => `"${inUnits(text)}"`
      const values = written.map(said).join()
      const { port } = yield* answering(answerOf(200, `{${said(pin)}:[${values}],"count":{"of":1}}`))
      const read = ({ json }: Http.Answer) => Effect.succeed(Option.getOrUndefined(json))
      const request = Http.post("orders", Http.json({ pin: Redacted.make(pin) }))
      const told = { "<redacted>": written.map(() => "<redacted>"), count: { of: 1 } }
      assert.deepStrictEqual(yield* perform(local(port), request, { read }), Result.succeed(told))
    })
  )

  it.live("has no secret in it, however long", () =>
    Effect.gen(function* () {
      const long = "\u{1F600}/".repeat(20_000)
      const { port } = yield* answering(answerOf(402, `no to ${long}, ${encodeURIComponent(long)}.`))
      const request = Http.post("orders", Http.json({ long: Redacted.make(long) }))
      const read = ({ text }: Http.Answer) => Effect.succeed(text)
      const result = yield* perform(local(port), request, { read })
      assert.deepStrictEqual(result, Result.succeed("no to <redacted>, <redacted>."))
    })
  )

  it.live("has no secret in it that is full of backslashes", () =>
    Effect.gen(function* () {
      const secret = `${"\\".repeat(60)}end`
      const { port } = yield* answering(answerOf(402, `${"\\".repeat(200)}, ${JSON.stringify(secret)}`))
      const result = yield* perform(local(port), Http.post("orders", Http.json(Redacted.make(secret))))
      assert.include(JSON.stringify(result), `, \\"<redacted>\\"`)
    })
  )

  it.live("is short, in one line, and nothing that can't be stored", () =>
    Effect.gen(function* () {
      const { port } = yield* answering(answerOf(500, `\0\u001b[31mred\r\n${"\u{1F600}".repeat(600)}`))
      const reason = reasonOf(yield* perform(local(port)))
      assert.isTrue(reason.startsWith("the provider answered 500: [31mred \u{1F600}"))
      assert.isAtMost(reason.length, 540)
      assert.isTrue(reason.isWellFormed())
    })
  )
})

describe("Http", () => {
  it.live("reads its configuration from the environment", () =>
    Effect.gen(function* () {
      const environment = ConfigProvider.fromUnknown({
        HTTP_URL: "https://127.0.0.1:1/v1",
        HTTP_AUTHORIZATION: `Bearer ${token}`
      })
      const result = yield* Effect.flatMap(Http.Http, (http) =>
        Effect.result(http.perform(order, Http.reading({ success: Schema.Unknown }), callFor("key")))
      ).pipe(Effect.provide(Http.layerConfig().pipe(Layer.provide(ConfigProvider.layer(environment)))))
      assert.include(reasonOf(result), `Requests to "127.0.0.1" are not allowed`)
    })
  )
})
