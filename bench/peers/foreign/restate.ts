/**
 * Restate as a subject: a virtual object's handler of one durable step (`ctx.run`), called through the
 * ingress with the key as its idempotency key, so that a repeat meets the stored invocation and its result.
 * An object's exclusive handlers run one at a time.
 *
 * The server has its own process and log (`RestateServer.ts`); this process is the deployment that it calls,
 * and the callers.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createServer, type Http2Session } from "node:http2"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import * as Restate from "@restatedev/restate-sdk"
import * as Clients from "@restatedev/restate-sdk-clients"
import * as Http2Fetch from "./http2-fetch.ts"
import { serve } from "../subject/serve.ts"
import type { Effect, Request, Where } from "../subject/Subject.ts"

const thingOf = (effect: Effect) =>
  Restate.object({
    name: "thing",
    handlers: {
      perform: async (context: Restate.ObjectContext, request: Request) => {
        await context.run("effect", () => effect(request))
      }
    }
  })

/** Listens where an earlier process of this subject did: that is where the server calls. */
const listen = async (handler: Parameters<typeof createServer>[1], portFile: string) => {
  const sessions = new Set<Http2Session>()
  const server = createServer(handler)
  server.on("session", (session) => {
    sessions.add(session)
    session.once("close", () => sessions.delete(session))
  })
  const known = existsSync(portFile) ? Number(readFileSync(portFile, "utf8")) : 0
  await new Promise<void>((resolve) => server.listen(known, "127.0.0.1", resolve))
  // Only a server on a pipe has an address of another shape.
  const { port } = server.address() as AddressInfo
  const stop = async () => {
    for (const session of sessions) session.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port, isKnown: known !== 0, stop }
}

const post = async (where: Where, path: string, body: object): Promise<unknown> => {
  const response = await fetch(`${where.servers["admin"]}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body)
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`Restate's admin said ${response.status} to ${path}: ${text}`)
  return JSON.parse(text)
}

/** Rows of the server's own tables. */
const query = async <Row>(where: Where, sql: string): Promise<ReadonlyArray<Row>> => {
  const { rows } = (await post(where, "/query", { query: sql })) as { rows: ReadonlyArray<Row> }
  return rows
}

serve({
  start: async (where, mode, effect) => {
    const thing = thingOf(effect)
    const handler = Restate.createEndpointHandler({
      services: [thing],
      logger: ({ level }, ...said) => void (level === "error" && mode !== "crash" && console.error(...said))
    })
    const portFile = join(where.folder, "port")
    const { isKnown, port, stop } = await listen(handler, portFile)
    if (!isKnown) {
      await post(where, "/deployments", { uri: `http://127.0.0.1:${port}` })
      writeFileSync(portFile, `${port}`)
    }
    const url = where.servers["ingress"] ?? ""
    const connection = Http2Fetch.open(url)
    const ingress = Clients.connect({ url, fetch: connection.fetch })
    const ask = async (request: Request): Promise<void> => {
      const options = Clients.rpc.opts<Request, void>({ idempotencyKey: request.key })
      await ingress.objectClient(thing, request.entity).perform(request, options)
    }
    return {
      ask,
      receipts: async (series) => {
        const [row] = await query<{ count: number }>(
          where,
          `SELECT count(*) AS count FROM sys_invocation
           WHERE status = 'completed' AND idempotency_key LIKE '${series}-%'`
        )
        return row?.count ?? 0
      },
      // The server calls again by itself as soon as somebody listens; asking again joins the invocation.
      afterwards: async (request) => {
        await ask(request)
        const [row] = await query<{ status: string; completion_result: string }>(
          where,
          `SELECT status, completion_result FROM sys_invocation WHERE idempotency_key = '${request.key}'`
        )
        return `${row?.status}: ${row?.completion_result}`
      },
      stop: async () => {
        connection.close()
        await stop()
      }
    }
  }
})
