/**
 * What the HTTP tests share: one request over a connector of its own, and what it came to in one line.
 */
import { createServer } from "node:net"
import { Effect, Redacted, Result, Schema } from "effect"
import type { Call } from "fibric"
import * as Http from "fibric/connectors/http"
import { listening } from "./http-provider.ts"

/** The call that a kernel would make. */
export const callFor = (key: string, deadlineMillis = 10_000): Call => ({
  key,
  entity: { type: "order", id: "4471" },
  attempt: 1,
  deadlineMillis
})

export const token = "sk_live_correct_horse_battery_staple"

/** A provider on this machine, in the clear. */
export const local = (port: number, more: Partial<Http.Options> = {}): Http.Options => ({
  url: `http://127.0.0.1:${port}/v1`,
  plaintext: true,
  networks: ["127.0.0.0/8"],
  authorization: Http.bearer(Redacted.make(token)),
  ...more
})

export class Refused extends Schema.TaggedError<Refused>()("Refused", { said: Schema.String }) {}

/** Reads a body that says how many. */
export const counting = Http.reading({
  success: Schema.Struct({ count: Schema.Int }),
  refused: (answer) => new Refused({ said: answer.words })
})

export const order = Http.post(["orders"], Http.json({ cents: 420 }))

interface Outcome {
  readonly _tag: string
  readonly proof?: string
  readonly reason?: string
  readonly message: string
}

/** `done`, or the error's tag with its proof. */
export const outcomeOf = (result: Result.Result<unknown, Outcome>): string =>
  Result.isSuccess(result)
    ? "done"
    : [result.failure._tag, result.failure.proof].filter((part) => part !== undefined).join(" ")

/** What it says about itself. */
export const reasonOf = (result: Result.Result<unknown, Outcome>): string =>
  Result.isSuccess(result) ? "" : (result.failure.reason ?? result.failure.message)

/** Performs one request, on a connector of its own. */
export const perform = <A = { readonly count: number }, E = Refused>(
  options: Http.Options,
  request: Http.Request = order,
  { call = callFor("key-1"), read = counting as Http.Reading<A, E> } = {}
) => Effect.flatMap(Http.make(options), (http) => Effect.result(http.perform(request, read, call)))

/** A server that answers whatever it hears with this, byte for byte, and then hangs up; and what it heard. */
export const answering = Effect.fnUntraced(function* (answer: string | Buffer, hangsUp = true) {
  const heard: Array<string> = []
  let connections = 0
  const port = yield* listening(() =>
    createServer((socket) => {
      connections++
      socket.on("error", () => {})
      socket.once("data", (chunk) => {
        heard.push(chunk.toString("latin1"))
        socket.write(answer)
        if (hangsUp) socket.end()
      })
    })
  )
  return { port, heard: () => heard, connections: () => connections }
})

/** An answer of so many bytes' length, in JSON. */
export const answerOf = (status: number, body = `{"count":1}`, headers: ReadonlyArray<string> = []): string =>
  [
    `HTTP/1.1 ${status} Whatever`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    ...headers,
    "",
    body
  ].join("\r\n")
