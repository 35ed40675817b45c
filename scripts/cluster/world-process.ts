/**
 * world-process: the far side of every runner, in a process of its own that nobody kills or stops. It alone knows
 * what really happened, when each effect began and ended, and which runner asked for it.
 *
 * Run as `node scripts/cluster/world-process.ts`. It prints one line of JSON, `{"port":…}`, when it listens
 * (127.0.0.1, a free port), and ends when its stdin closes. What it answers, over HTTP, stands in
 * `World.ts`.
 *
 * An effect takes as long as it was ordered to, whether or not whoever ordered it still lives. A provider
 * key that it has seen is no new effect; it is answered when the first one has ended. Effects are counted
 * by the change that was meant: a second effect under another provider key is a second effect.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Order, Report } from "./World.ts"

interface Happened {
  readonly order: Order
  readonly ended: Promise<void>
}

const byKey = new Map<string, Happened>()
const effectsOf = new Map<string, number>()
const running = new Map<string, Array<Order>>()
const owners = new Map<string, string>()
let overlaps = 0
let recognised = 0

const begin = (order: Order): Happened => {
  effectsOf.set(order.change, (effectsOf.get(order.change) ?? 0) + 1)
  owners.set(order.entity, order.runner)
  const beside = running.get(order.entity) ?? []
  if (beside.length > 0) overlaps += 1
  running.set(order.entity, [...beside, order])
  const ended = new Promise<void>((resolve) => {
    setTimeout(() => {
      running.set(
        order.entity,
        (running.get(order.entity) ?? []).filter((one) => one !== order)
      )
      resolve()
    }, order.millis)
  })
  return { order, ended }
}

const perform = (order: Order): Promise<void> => {
  const known = byKey.get(order.key)
  if (known !== undefined) recognised += 1
  const happened = known ?? begin(order)
  byKey.set(order.key, happened)
  return happened.ended
}

const report = (): Report => ({
  effects: byKey.size,
  changes: effectsOf.size,
  duplicates: [...effectsOf.values()].filter((effects) => effects > 1).length,
  overlaps,
  recognised,
  running: [...running.values()].flat(),
  owners: Object.fromEntries(owners)
})

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
    case "GET /report":
      return void reply(report())
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
