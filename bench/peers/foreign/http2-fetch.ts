/**
 * http2-fetch: a `fetch` that sends all requests over one HTTP/2 connection, for Restate's client, whose
 * makers recommend that: the `fetch` of Node opens a connection for each request that is under way.
 */
import { connect } from "node:http2"

export interface Connection {
  readonly fetch: typeof globalThis.fetch
  readonly close: () => void
}

/** Connects to an origin. A request fails where the connection does. */
export const open = (origin: string): Connection => {
  const session = connect(origin)
  session.on("error", () => undefined)
  const send = (input: string | URL | globalThis.Request, init?: RequestInit) =>
    new Promise<Response>((resolve, reject) => {
      const { pathname, search } = new URL(input instanceof globalThis.Request ? input.url : input)
      const stream = session.request({
        ":method": init?.method ?? "GET",
        ":path": pathname + search,
        ...Object.fromEntries(new Headers(init?.headers))
      })
      const chunks: Array<Buffer> = []
      let status = 0
      stream.once("response", (headers) => {
        status = headers[":status"] ?? 0
      })
      stream.on("data", (chunk: Buffer) => chunks.push(chunk))
      stream.once("error", reject)
      stream.once("end", () => resolve(new Response(Buffer.concat(chunks), { status })))
      // Restate's client sends text or bytes, never a stream.
      stream.end(init?.body as string | Uint8Array | undefined)
    })
  return { fetch: send, close: () => session.destroy() }
}
