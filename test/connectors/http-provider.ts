/**
 * A fake of a provider with an HTTP API that takes charges, as many do: JSON over HTTP/1.1, an
 * `Idempotency-Key` that is recognised and answered with the first answer, refusals included, and a list of
 * charges by key. It repeats credentials in what it says, as some providers really do.
 */
import { readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { Server } from "node:net"
import { text } from "node:stream/consumers"
import { Effect } from "effect"
import type * as Laws from "fibric/testing/laws"

/** The authority's certificate, for 127.0.0.1, and its key: made for these tests and known to nobody. */
export const fixture = (name: "certificate" | "key") =>
  readFileSync(new URL(`./fixtures/${name}.pem`, import.meta.url), "utf8")

/** Whatever listens, on a free port of this machine, for as long as the scope. */
export const listening = <S extends Server>(make: () => S, stop: (server: S) => void = () => {}) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<S>((resume) => {
        const server = make()
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          stop(server)
        })
    ),
    (server) => {
      const address = server.address()
      return typeof address === "object" && address !== null ? address.port : 0
    }
  )

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/** An HTTP server with the given behaviour. */
export const serving = (handle: Handle, scheme: "http" | "https" = "http") =>
  scheme === "http"
    ? listening(
        () => createServer(handle),
        (server) => server.closeAllConnections()
      )
    : listening(
        () => createSecureServer({ cert: fixture("certificate"), key: fixture("key") }, handle),
        (server) => server.closeAllConnections()
      )

interface Charge {
  readonly id: string
  readonly key: string | undefined
}

/** More than so many cents are declined. */
export const mostCents = 1_000

/** The provider, and what it has really charged. */
export const provider = Effect.fnUntraced(function* (scheme: "http" | "https") {
  const charges: Array<Charge> = []
  const answered = new Map<string, readonly [status: number, body: string]>()
  const charge = (key: string | undefined, cents: number, authorization = ""): readonly [number, string] => {
    if (cents > mostCents) {
      return [402, JSON.stringify({ error: { code: "card_declined", seen: authorization } })]
    }
    const id = `ch_${charges.length + 1}`
    charges.push({ id, key })
    return [201, JSON.stringify({ id, seen: authorization })]
  }
  const port = yield* serving(async (request, response) => {
    // Head and body in packets of their own, so that a wire can be cut between them.
    const say = ([status, body]: readonly [number, string]): void => {
      response.writeHead(status, { "content-type": "application/json" }).flushHeaders()
      setTimeout(() => response.end(body), 5)
    }
    const url = new URL(request.url ?? "/", "http://provider")
    if (request.method === "GET") {
      const key = url.searchParams.get("key")
      return say([200, JSON.stringify({ data: charges.filter((charge) => charge.key === key) })])
    }
    const body = await text(request).catch(() => undefined) // it hung up in the middle
    if (body === undefined) return
    const key = request.headers["idempotency-key"]?.toString()
    const first = key === undefined ? undefined : answered.get(key)
    if (first !== undefined) return say(first)
    const answer = charge(key, Number(JSON.parse(body).cents), request.headers.authorization)
    if (key !== undefined) answered.set(key, answer)
    say(answer)
  }, scheme)
  return { port, effects: Effect.sync((): ReadonlyArray<Laws.Happened> => [...charges]) }
})
