/**
 * serve: how an outside world is spoken to, over HTTP by the processes of its own harness.
 *
 * It prints one line of JSON, `{"port":…}`, when it listens (127.0.0.1, a free port), and ends the process
 * when its stdin closes, so it can't outlive its parent.
 */
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"

/** One question: its body where it has one, and what stands in its query. */
export interface Asked {
  readonly body: unknown
  readonly query: URLSearchParams
}

/** In place of an answer: the connection is cut, and nothing is heard. */
export const lost: unique symbol = Symbol("lost")

type Answers = Readonly<Record<string, (asked: Asked) => unknown>>

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  let body = ""
  for await (const chunk of request) body += String(chunk)
  return body === "" ? undefined : JSON.parse(body)
}

/** Answers by method and path, such as `GET /counts`, until stdin closes. */
export const serve = (answers: Answers): void => {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1")
    const answer = answers[`${request.method} ${pathname}`]
    const reply = async () => {
      if (answer === undefined) return void response.writeHead(404).end()
      const said = await answer({ body: await bodyOf(request), query: searchParams })
      if (said === lost) return void request.socket.destroy()
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(said))
    }
    reply().catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  process.stdin.resume()
  process.stdin.once("close", () => process.exit(0))
  process.stdin.once("error", () => process.exit(0))
  server.listen(0, "127.0.0.1", () => {
    // Only a server on a pipe has an address of another shape.
    const { port } = server.address() as AddressInfo
    process.stdout.write(`${JSON.stringify({ port })}\n`)
  })
}
