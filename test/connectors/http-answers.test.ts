/**
 * What answers prove: each status by the standards and by a table, and what is no answer at all.
 */
import { execFile } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result, Schema } from "effect"
import * as Http from "fibric/connectors/http"
import { listening } from "./http-provider.ts"
import {
  answering,
  answerOf,
  callFor,
  local,
  order,
  outcomeOf,
  perform,
  reasonOf,
  token
} from "./http-support.ts"

/** A process that asks once and prints what became of it. */
const asker = fileURLToPath(new URL("http-asker.ts", import.meta.url))

type Case = readonly [status: number, outcome: string]

const refused = "Refused"
const free = "NotPerformed provider_denies"
const unknown = "OutcomeUnknown"

const byStandard: ReadonlyArray<Case> = [
  ...[200, 201, 202, 299].map((status): Case => [status, "done"]),
  ...[300, 301, 302, 303, 307, 308].map((status): Case => [status, unknown]),
  ...[400, 402, 410, 413, 414, 415, 451].map((status): Case => [status, refused]),
  ...[401, 403, 404, 405, 407, 411, 421, 426, 428, 431].map((status): Case => [status, free]),
  ...[406, 408, 409, 412, 418, 422, 423, 425, 429, 444, 499].map((status): Case => [status, unknown]),
  ...[500, 501, 502, 503, 504, 507, 520, 599].map((status): Case => [status, unknown])
]

const answered = Effect.fnUntraced(function* (
  answer: string | Buffer,
  request: Http.Request = order,
  options: Partial<Http.Options> = {}
) {
  const server = yield* answering(answer)
  const result = yield* perform(local(server.port, options), request)
  return { outcome: outcomeOf(result), reason: reasonOf(result), connections: server.connections() }
})

describe("an answer by its status", () => {
  for (const [status, outcome] of byStandard) {
    it.live(`${status} is ${outcome}, and is asked for once`, () =>
      Effect.gen(function* () {
        const headers = ["Retry-After: 0", "Location: /v1/elsewhere"]
        const seen = yield* answered(answerOf(status, undefined, headers))
        assert.deepStrictEqual([seen.outcome, seen.connections], [outcome, 1])
      })
    )
  }

  it.live("that is 422 is a refusal only where no key was sent", () =>
    Effect.gen(function* () {
      const seen = yield* answered(answerOf(422), order, { key: "none" })
      assert.strictEqual(seen.outcome, refused)
    })
  )

  /** What may be said of the second copy because the first has done its work. */
  const afterOneself = new Set([400, 402, 403, 404, 409, 410, 422])

  for (const request of [Http.put(["orders", 7]), Http.del(["orders", 7])]) {
    it.live(`to a ${request.method} proves nothing where it may be the answer to a proxy's second copy`, () =>
      Effect.gen(function* () {
        for (const [status, outcome] of byStandard) {
          const seen = yield* answered(answerOf(status), request, { key: "none" })
          assert.strictEqual(seen.outcome, afterOneself.has(status) ? unknown : outcome, `${status}`)
        }
      })
    )
  }

  it.live("to a PUT is a refusal where the provider's table says so", () =>
    Effect.gen(function* () {
      const { port } = yield* answering(answerOf(402, "no"))
      const read = Http.reading({
        success: Schema.Unknown,
        refused: Http.HttpRefused.of,
        table: { 402: "refused" }
      })
      const result = yield* perform(local(port), Http.put(["orders", 7]), { read })
      assert.strictEqual(outcomeOf(result), "HttpRefused")
    })
  )

  it.live("proves what the provider's table says, by its body where the table asks for it", () =>
    Effect.gen(function* () {
      const table: Http.Table = {
        200: ({ json }) => (Option.getOrUndefined(json) === false ? "refused" : "success"),
        302: "success",
        429: "not_performed",
        503: ({ headers }) => (headers["retry-after"] === undefined ? "unknown" : "not_performed")
      }
      const read = Http.reading({ success: Schema.Unknown, refused: Http.HttpRefused.of, table })
      const cases: ReadonlyArray<readonly [string, string]> = [
        [answerOf(200, "false"), "HttpRefused"],
        [answerOf(200, "true"), "done"],
        [answerOf(302, "{}"), "done"],
        [answerOf(429, ""), free],
        [answerOf(503, "", ["Retry-After: 3"]), free],
        [answerOf(503, ""), unknown],
        // Not in the table.
        [answerOf(400, ""), "HttpRefused"]
      ]
      for (const [answer, outcome] of cases) {
        const { port } = yield* answering(answer)
        assert.strictEqual(outcomeOf(yield* perform(local(port), order, { read })), outcome)
      }
    })
  )

  it.live("leaves the key free after a refusal where no refusal is declared", () =>
    Effect.gen(function* () {
      const { port } = yield* answering(answerOf(400, "no such thing"))
      const read = Http.reading({ success: Schema.Unknown })
      const result = yield* perform(local(port), order, { read })
      assert.strictEqual(outcomeOf(result), free)
      assert.strictEqual(reasonOf(result), "the provider answered 400: no such thing")
    })
  )
})

const long = "x".repeat(2_000)

/** What is not a whole answer to this request, or not the one that was declared. */
const none: ReadonlyArray<readonly [what: string, answer: string | Buffer]> = [
  ["nothing", ""],
  ["half of a head", "HTTP/1.1 200 OK\r\ncontent-le"],
  ["half of a body", answerOf(200).slice(0, -1)],
  ["a refusal's half of a body", answerOf(402).slice(0, -1)],
  [
    "a chunked body without its end",
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\n{"count":1}\r\n`
  ],
  ["a body that ends with the connection", `HTTP/1.1 200 OK\r\n\r\n{"count":1}`],
  [
    "a body that ends with the connection, chunked but not at last",
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, identity\r\n\r\n{"count":1}`
  ],
  [
    "a body that ends with the connection, in a coding that is only named like chunked",
    `HTTP/1.1 200 OK\r\ntransfer-encoding: x-chunked\r\n\r\n{"count":1}`
  ],
  ["two lengths", `HTTP/1.1 200 OK\r\ncontent-length: 11\r\ncontent-length: 12\r\n\r\n{"count":1}`],
  [
    "a length and chunks",
    `HTTP/1.1 200 OK\r\ncontent-length: 11\r\ntransfer-encoding: chunked\r\n\r\nb\r\n{"count":1}\r\n0\r\n\r\n`
  ],
  ["another protocol", "220 mail.example.com ready\r\n"],
  ["a change of protocol", "HTTP/1.1 101 Switching\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n"],
  ["only that it goes on", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["a head that is too long", `HTTP/1.1 200 OK\r\nx-long: ${long.repeat(10)}\r\ncontent-length: 0\r\n\r\n`],
  ["a body that is too long", answerOf(200, `{"count":1,"more":"${long}"}`)],
  ["a refusal that is too long", answerOf(402, long)],
  ["another body", answerOf(200, `{"sum":1}`)],
  ["no JSON", answerOf(200, "<html>done</html>")],
  ["no body", answerOf(200, "")],
  ["no UTF-8", Buffer.from(answerOf(200, `{"count":1,"more":"?"}`).replace("?", "\xff"), "latin1")]
]

describe("what is no answer", () => {
  for (const [what, answer] of none) {
    it.live(`(${what}) proves nothing`, () =>
      Effect.gen(function* () {
        const seen = yield* answered(answer, order, { maxAnswerBytes: 1_000 })
        assert.deepStrictEqual([seen.outcome, seen.connections], [unknown, 1])
      })
    )
  }

  it.live("is told from one that comes in chunks, or after it was said that it would come", () =>
    Effect.gen(function* () {
      const chunks = `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"cou\r\n6\r\nnt":1}\r\n0\r\n\r\n`
      assert.strictEqual((yield* answered(chunks)).outcome, "done")
      assert.strictEqual((yield* answered(`HTTP/1.1 100 Continue\r\n\r\n${answerOf(200)}`)).outcome, "done")
    })
  )

  it.live("includes one that came before the request", () =>
    Effect.gen(function* () {
      const port = yield* listening(() =>
        createServer((socket) => {
          socket.on("error", () => {})
          socket.write(answerOf(200))
        })
      )
      const result = yield* perform(local(port))
      assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
    })
  )

  it.live("includes one of two lengths where Node is told to read leniently, too", () =>
    Effect.gen(function* () {
      const length = "content-length: 11\r\ntransfer-encoding: chunked"
      const { port } = yield* answering(`HTTP/1.1 200 OK\r\n${length}\r\n\r\nb\r\n{"count":1}\r\n0\r\n\r\n`)
      const args = ["--insecure-http-parser", "--conditions=fibric-source", asker, String(port)]
      const outcome = yield* Effect.callback<string>((resume) => {
        execFile(process.execPath, args, (_error, said) => resume(Effect.succeed(said.trim())))
      })
      assert.strictEqual(outcome, unknown)
    })
  )

  it.live("is not waited for any longer than the answer's time, however slowly it drips", () =>
    Effect.gen(function* () {
      const { port } = yield* answering(answerOf(200).slice(0, -1), false)
      const result = yield* perform(local(port, { answerTimeout: "200 millis" }))
      assert.strictEqual(outcomeOf(result), unknown)
      assert.include(reasonOf(result), "no whole answer came in time")
    })
  )
})

describe("a question about what became of it", () => {
  const asking = Effect.fnUntraced(function* (answer: string, nothing?: ReadonlyArray<number>) {
    const { heard, port } = yield* answering(answer)
    const http = yield* Http.make(local(port))
    const find = Http.finding({
      body: Schema.Struct({ data: Schema.Array(Schema.String) }),
      found: ({ data }) => Option.fromUndefinedOr(data[0]),
      nothing
    })
    const query = { key: "a key & more" }
    const result = yield* Effect.result(http.lookUp(Http.get(["orders"], { query }), find, callFor("key-1")))
    return {
      heard: heard().join(""),
      answer: Result.match(result, {
        onFailure: ({ _tag }) => _tag,
        onSuccess: Option.getOrElse(() => "nothing")
      })
    }
  })

  it.live("is found, or is nothing, on the provider's word alone", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<number>?]> = [
        [answerOf(200, `{"data":["o-1"]}`), "o-1"],
        [answerOf(200, `{"data":[]}`), "nothing"],
        [answerOf(404, ""), "nothing", [404]],
        [answerOf(404, ""), "LookupFailed"],
        [answerOf(302, "", ["location: /v1/orders/1"]), "LookupFailed"],
        [answerOf(503, ""), "LookupFailed"],
        [answerOf(200, "{}"), "LookupFailed"],
        [answerOf(200, ""), "LookupFailed"],
        ["", "LookupFailed"]
      ]
      for (const [answer, outcome, nothing] of cases) {
        assert.strictEqual((yield* asking(answer, nothing)).answer, outcome)
      }
    })
  )

  it.live("carries no key and no body", () =>
    Effect.gen(function* () {
      const { heard } = yield* asking(answerOf(200, `{"data":[]}`))
      assert.match(heard, /^GET \/v1\/orders\?key=a\+key\+%26\+more HTTP\/1\.1\r\n/)
      assert.notMatch(heard, /idempotency-key|content-length|transfer-encoding/i)
      assert.include(heard, token)
    })
  )
})

describe("a reading of one's own", () => {
  it.live("may make anything of an answer", () =>
    Effect.gen(function* () {
      const { port } = yield* answering(answerOf(500))
      const read = ({ status }: Http.Answer) => Effect.succeed(status)
      const result = yield* perform(local(port), order, { read })
      assert.strictEqual(Result.getOrUndefined(result), 500)
    })
  )
})
