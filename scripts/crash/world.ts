/**
 * world: the far side of every connector, in a process of its own that nobody kills. It alone knows what
 * really happened, and keeps it in memory.
 *
 * Run as `node scripts/crash/world.ts`. It prints one line of JSON, `{"port":…}`, when it listens
 * (127.0.0.1, a free port), and ends when its stdin closes, so it can't outlive its parent. What it
 * answers, over HTTP, stands in `OutsideWorld.ts`.
 *
 * Effects are counted by the change that was meant, never by the provider's key: a second effect under
 * another key is a second effect.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Order } from "./OutsideWorld.ts"

interface Subject {
  effects: number
  lookups: number
}

const subjects = new Map<string, Subject>()
const effectByKey = new Map<string, string>()

const subjectOf = (name: string): Subject => {
  const known = subjects.get(name) ?? { effects: 0, lookups: 0 }
  subjects.set(name, known)
  return known
}

/** Where it recognises keys, the second order of a key is answered with the first one's effect. */
const perform = ({ honour, key, subject }: Order): string => {
  const known = effectByKey.get(key)
  if (honour && known !== undefined) return known
  const effect = `${subject}#${(subjectOf(subject).effects += 1)}`
  effectByKey.set(key, effect)
  return effect
}

const lookUp = (key: string, subject: string): string | null => {
  subjectOf(subject).lookups += 1
  return effectByKey.get(key) ?? null
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const chunk of request) body += String(chunk)
  return body
}

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1")
  const reply = (body: unknown) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body))
  const subject = searchParams.get("subject") ?? ""
  switch (`${request.method} ${pathname}`) {
    case "POST /effects":
      // Only our own processes write here, with the type that both sides import.
      return void reply({ effect: perform(JSON.parse(await bodyOf(request)) as Order) })
    case "GET /effect":
      return void reply({ effect: lookUp(searchParams.get("key") ?? "", subject) })
    case "GET /counts":
      return void reply(subjectOf(subject))
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
