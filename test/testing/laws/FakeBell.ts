/**
 * FakeBell: a provider that does not exist, made for trying the laws. It rings a bell over a line protocol,
 * recognises keys for ever, and can be asked.
 *
 *     S: BELL
 *     C: PASS open sesame please       S: OK | NO password
 *     C: RING <key> <times>            S: DONE <id> | NO too often
 *     C: FIND <key>                    S: FOUND <id> | NOTHING
 *     C: BYE
 *
 * The key `-` is none: each such request rings.
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { Effect } from "effect"
import type * as Laws from "fibric/testing/laws"

export const password = "open sesame please"

/** It refuses more. */
export const mostTimes = 10

/** A fake for as long as the scope lives. */
export const make = Effect.gen(function* () {
  const rung: Array<Laws.Happened & { readonly id: string }> = []
  const sockets = new Set<Socket>()
  const server = yield* Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("close", () => sockets.delete(socket))
        socket.on("error", () => {})
        serve(socket, (line) => answer(rung, line))
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )
  return {
    // Only a server on a pipe has an address of another shape.
    port: (server.address() as AddressInfo).port,
    effects: Effect.sync(() => rung.map(({ key }) => ({ key })))
  } satisfies Laws.Server
})

const serve = (socket: Socket, answer: (line: string) => string | undefined): void => {
  let heard = ""
  socket.write("BELL\n")
  socket.on("data", (chunk) => {
    heard += chunk.toString("latin1")
    for (let end = heard.indexOf("\n"); end >= 0; end = heard.indexOf("\n")) {
      const said = answer(heard.slice(0, end))
      heard = heard.slice(end + 1)
      if (said === undefined) socket.end()
      else if (socket.writable) socket.write(`${said}\n`)
    }
  })
}

const answer = (rung: Array<Laws.Happened & { readonly id: string }>, line: string): string | undefined => {
  const [verb, ...rest] = line.split(" ")
  const [key, times] = rest
  const known = rung.find((ring) => ring.key !== undefined && ring.key === key)
  switch (verb) {
    case "PASS":
      return rest.join(" ") === password ? "OK" : "NO password"
    case "RING": {
      if (known !== undefined) return `DONE ${known.id}`
      if (Number(times) > mostTimes) return "NO too often"
      const id = `ring-${rung.length + 1}`
      rung.push({ id, key: key === "-" ? undefined : key })
      return `DONE ${id}`
    }
    case "FIND":
      return known === undefined ? "NOTHING" : `FOUND ${known.id}`
    default:
      return undefined
  }
}
