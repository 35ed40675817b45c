/**
 * world: the far side of every connector, in a process of its own that nobody stops. It alone knows when
 * each effect began and ended, on one clock, and keeps it in memory.
 *
 * Run as `node scripts/lanes/world.ts`. It prints one line of JSON, `{"port":…}`, when it listens
 * (127.0.0.1, a free port), and ends when its stdin closes, so it can't outlive its parent. What it is
 * asked over HTTP stands in `OutsideWorld.ts`.
 *
 * It lets two effects of one entity happen at once, and one twice: to find such is what it is for. An
 * effect has ended before whoever ordered it is answered.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout } from "node:timers/promises"
import type { Happened, Order } from "./OutsideWorld.ts"

const happened: Array<{ -readonly [Name in keyof Happened]: Happened[Name] }> = []

const perform = async ({ holdMillis, ...order }: Order): Promise<void> => {
  const effect = { ...order, beganAt: performance.now(), endedAt: null as number | null }
  happened.push(effect)
  await setTimeout(holdMillis)
  effect.endedAt = performance.now()
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const chunk of request) body += String(chunk)
  return body
}

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const reply = (body: unknown) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body))
  switch (`${request.method} ${request.url}`) {
    case "POST /effects":
      // Only our own processes write here, with the type that both sides import.
      await perform(JSON.parse(await bodyOf(request)) as Order)
      return void reply({})
    case "GET /effects":
      return void reply(happened)
    default:
      response.writeHead(404).end()
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
})

process.stdin.resume()
process.stdin.once("close", () => process.exit(0))
process.stdin.once("error", () => process.exit(0))

server.listen(0, "127.0.0.1", () => {
  // Only a server on a pipe has an address of another shape.
  const { port } = server.address() as AddressInfo
  process.stdout.write(`${JSON.stringify({ port })}\n`)
})
