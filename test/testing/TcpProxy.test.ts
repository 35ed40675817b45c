/**
 * TcpProxy: what gets through, what is lost, and where exactly.
 */
import { connect, createServer, type AddressInfo, type Server } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import * as TcpProxy from "../../src/testing/TcpProxy.ts"
import { pubcomp } from "../support/mqtt-packets.ts"

/** A server that greets, then answers each line with itself. It remembers what it heard. */
const echo = Effect.acquireRelease(
  Effect.callback<{ readonly server: Server; readonly heard: Array<string> }>((resume) => {
    const heard: Array<string> = []
    const server = createServer((socket) => {
      socket.on("error", () => {})
      socket.write("hello\r\n")
      socket.on("data", (chunk) => {
        heard.push(chunk.toString())
        socket.write(chunk)
      })
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, heard })))
  }),
  ({ server }) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
)

/** Says each text once the greeting came, hangs up after `until` or at the end, returns what it heard. */
const talk = (port: number, says: string, until: RegExp) =>
  Effect.callback<{ readonly heard: string; readonly ended: "by us" | "by them" | "reset" }>((resume) => {
    let heard = ""
    let greeted = false
    const socket = connect(port, "127.0.0.1")
    socket.on("data", (chunk) => {
      heard += chunk.toString()
      if (!greeted) socket.write(says)
      greeted = true
      if (!until.test(heard)) return
      resume(Effect.succeed({ heard, ended: "by us" }))
      socket.destroy()
    })
    socket.on("error", () => resume(Effect.succeed({ heard, ended: "reset" })))
    socket.on("end", () => resume(Effect.succeed({ heard, ended: "by them" })))
    return Effect.sync(() => socket.destroy())
  })

/** Waits for the event loop to bring it about; the test's own time-out is the bound. */
const until = (condition: () => boolean) =>
  Effect.callback<void>((resume) => {
    const look = () => (condition() ? resume(Effect.void) : setImmediate(look))
    look()
  })

const start = Effect.gen(function* () {
  const { heard, server } = yield* echo
  // Only a server on a pipe has an address of another shape.
  const proxy = yield* TcpProxy.make((server.address() as AddressInfo).port)
  return { heard, proxy }
})

describe("TcpProxy", () => {
  it.live("lets both sides talk until it is told otherwise, and counts connections", () =>
    Effect.gen(function* () {
      const { proxy } = yield* start
      assert.deepStrictEqual(yield* talk(proxy.port, "one\r\n", /one/), {
        heard: "hello\r\none\r\n",
        ended: "by us"
      })
      assert.strictEqual(yield* proxy.connections, 1)
      assert.strictEqual(yield* proxy.cuts, 0)
    })
  )

  it.live("tells how much either side said in one piece, also of what it did not pass on", () =>
    Effect.gen(function* () {
      const { proxy } = yield* start
      yield* talk(proxy.port, "one\r\n", /one/)
      yield* proxy.setRule(TcpProxy.cutWhen("client", /two/, "before", "close"))
      yield* talk(proxy.port, "two", /never/)
      assert.deepStrictEqual(yield* proxy.packets, [
        { connection: 1, side: "server", bytes: 7 },
        { connection: 1, side: "client", bytes: 5 },
        { connection: 1, side: "server", bytes: 5 },
        { connection: 2, side: "server", bytes: 7 },
        { connection: 2, side: "client", bytes: 3 }
      ])
    })
  )

  it.live("cuts at connect without the server hearing of it", () =>
    Effect.gen(function* () {
      const { heard, proxy } = yield* start
      yield* proxy.setRule(TcpProxy.cutAtConnect)
      assert.deepStrictEqual(yield* talk(proxy.port, "one", /never/), { heard: "", ended: "reset" })
      assert.deepStrictEqual(heard, [])
      assert.strictEqual(yield* proxy.cuts, 1)
    })
  )

  it.live("cuts before or after the very bytes that match, whatever else is in the packet", () =>
    Effect.gen(function* () {
      const { proxy } = yield* start
      yield* proxy.setRule(TcpProxy.cutWhen("server", /two/, "before", "close"))
      const before = yield* talk(proxy.port, "one two three", /three/)
      yield* proxy.setRule(TcpProxy.cutWhen("server", /two/, "after", "close"))
      const after = yield* talk(proxy.port, "one two three", /three/)
      assert.deepStrictEqual(before, { heard: "hello\r\none ", ended: "by them" })
      assert.deepStrictEqual(after, { heard: "hello\r\none two", ended: "by them" })
      assert.strictEqual(yield* proxy.cuts, 2)
    })
  )

  it.live("keeps the client's bytes from the server when it cuts before them", () =>
    Effect.gen(function* () {
      const { heard, proxy } = yield* start
      yield* proxy.setRule(TcpProxy.cutWhen("client", /two/, "before", "close"))
      yield* talk(proxy.port, "one two", /two/)
      assert.strictEqual(heard.join(""), "one ")
    })
  )

  it.live("cuts where a function finds a packet, although another one's number looks like it", () =>
    Effect.gen(function* () {
      const { heard, proxy } = yield* start
      const [acknowledged, completed] = ["\x40\x02\x70\x02", "\x70\x02\x70\x02"]
      yield* proxy.setRule(TcpProxy.cutWhen("client", pubcomp, "before", "close"))
      yield* talk(proxy.port, acknowledged + completed, /never/)
      assert.strictEqual(heard.join(""), acknowledged)
    })
  )

  it.live("swallows the server's answers while the client's bytes still arrive", () =>
    Effect.gen(function* () {
      const { heard, proxy } = yield* start
      yield* proxy.setRule(TcpProxy.cutWhen("client", /two/, "before", "swallow"))
      const talking = yield* Effect.forkChild(talk(proxy.port, "one two three", /three/))
      yield* proxy.awaitCut
      yield* until(() => heard.join("") === "one two three")
      assert.strictEqual(talking.pollUnsafe(), undefined)
      yield* Fiber.interrupt(talking)
    })
  )

  it.live("delays what the server says, in its order", () =>
    Effect.gen(function* () {
      const { proxy } = yield* start
      yield* proxy.setRule(TcpProxy.delay("100 millis"))
      const begun = yield* Clock.monotonicTimeNanos
      const { heard } = yield* talk(proxy.port, "one", /one/)
      const tookMillis = Number((yield* Clock.monotonicTimeNanos) - begun) / 1e6
      assert.strictEqual(heard, "hello\r\none")
      assert.isAtLeast(tookMillis, 195)
    })
  )

  it.live("delays only what the server says after a pattern, where it is given one", () =>
    Effect.gen(function* () {
      const { proxy } = yield* start
      yield* proxy.setRule(TcpProxy.delay("1 minute", /hello\r\n/))
      const talking = yield* Effect.forkChild(talk(proxy.port, "one", /hello/))
      const { heard } = yield* Fiber.join(talking)
      assert.strictEqual(heard, "hello\r\n")
    })
  )

  it.live("judges each connection by a rule of its own", () =>
    Effect.gen(function* () {
      const { proxy } = yield* start
      yield* proxy.setRule((connection) => (connection === 1 ? TcpProxy.cutAtConnect : TcpProxy.pass))
      const first = yield* talk(proxy.port, "one", /one/)
      const second = yield* talk(proxy.port, "one", /one/)
      assert.deepStrictEqual([first.ended, second.ended], ["reset", "by us"])
    })
  )

  it.live("ends every connection when its scope closes", () =>
    Effect.gen(function* () {
      const { heard } = yield* Effect.scoped(
        Effect.gen(function* () {
          const { heard, proxy } = yield* start
          yield* Effect.forkDetach(talk(proxy.port, "one", /never/))
          yield* proxy.setRule(TcpProxy.cutAtConnect)
          yield* talk(proxy.port, "two", /never/)
          return { heard }
        })
      )
      assert.notInclude(heard.join(""), "two")
    })
  )
})
