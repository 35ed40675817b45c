/**
 * TcpProxy: stands between a client and a real server and loses what a network can lose.
 *
 * For the tests of connectors and stores: a conversation is cut at an exact byte, in either direction,
 * or its answers are swallowed while everything that the client says still arrives. The proxy owns
 * nothing but the wire: what the server did is asked of the server.
 *
 * It writes without waiting for a slow reader, so what is in transit is held in memory; it is made for
 * conversations, not for bulk.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net"
import type { Duration } from "effect"
import { Deferred, Effect, FiberSet, type Scope } from "effect"

/**
 * What ends the normal course of a connection, once its pattern is found.
 *
 * - `reset`: both sides are destroyed
 * - `close`: both sides get what was forwarded so far, then a normal end
 * - `swallow`: the server's bytes go nowhere from here on; the client's still arrive
 */
export type Loss = "reset" | "close" | "swallow"

/**
 * Where to cut, in all that one side has said on a connection, one character a byte: the first match of an
 * expression, or what a function finds there. A protocol whose packets carry their length needs a
 * function: any byte may stand in a number, too.
 */
export type Pattern = RegExp | ((said: string) => Found | undefined)

/** What a pattern's function has found: from which character on, and how many. */
export interface Found {
  readonly index: number
  readonly length: number
}

/** What happens to one connection. */
export type Rule =
  | { readonly _tag: "Pass" }
  /** Destroyed as soon as the client is connected; the server never hears of it. */
  | { readonly _tag: "CutAtConnect" }
  /** The server's bytes arrive later by this much, in their order: all, or those after `after`. */
  | { readonly _tag: "Delay"; readonly by: Duration.Input; readonly after: RegExp | undefined }
  /** Passes until a side has said `pattern`; then `loss`, before or after the matching bytes went on. */
  | {
      readonly _tag: "CutWhen"
      readonly side: "client" | "server"
      readonly pattern: Pattern
      readonly at: "before" | "after"
      readonly loss: Loss
    }

/** Everything goes through. */
export const pass: Rule = { _tag: "Pass" }

/** The server can't be reached, although something answers at its address. */
export const cutAtConnect: Rule = { _tag: "CutAtConnect" }

/**
 * Every answer comes late; with a pattern, every answer that follows the one in which the server has
 * said it on the connection.
 */
export const delay = (by: Duration.Input, after?: RegExp): Rule => ({ _tag: "Delay", by, after })

/**
 * Cuts when `side` says `pattern`. The pattern is looked for in everything that the side has said on
 * the connection, however it was cut into packets. `before` keeps the matching
 * bytes back, as far as they came in one packet; `after` lets exactly them through.
 */
export const cutWhen = (
  side: "client" | "server",
  pattern: Pattern,
  at: "before" | "after",
  loss: Loss
): Rule => ({ _tag: "CutWhen", side, pattern, at, loss })

/** Where a server is: a port on 127.0.0.1, or the path of a Unix socket. */
export type Target = { readonly port: number } | { readonly path: string }

/** What one side said in one piece, as it reached the proxy; forwarded or not. */
export interface Packet {
  /** Which connection, counted from 1. */
  readonly connection: number
  readonly side: "client" | "server"
  readonly bytes: number
}

export interface TcpProxy {
  /** Where to connect instead of the server, on 127.0.0.1. */
  readonly port: number
  /** For connections from now on: one rule for all, or one for each, counted from 1. */
  readonly setRule: (rule: Rule | ((connection: number) => Rule)) => Effect.Effect<void>
  /** Connections so far. */
  readonly connections: Effect.Effect<number>
  /** All that either side has said so far, in the order in which it came. */
  readonly packets: Effect.Effect<ReadonlyArray<Packet>>
  /** Rules that have taken effect so far, at most one a connection; a delay is none. */
  readonly cuts: Effect.Effect<number>
  /** Waits until a rule has taken effect, at once if one has. */
  readonly awaitCut: Effect.Effect<void>
}

interface State {
  rule: (connection: number) => Rule
  connections: number
  cuts: number
  readonly packets: Array<Packet>
  readonly open: Set<Socket>
  readonly onCut: () => void
  /** Runs an action after a while, within the proxy's scope. */
  readonly later: (by: Duration.Input, action: () => void) => void
}

/** Starts a proxy in front of a server, on 127.0.0.1. It lets everything through until told otherwise. */
export const make = Effect.fnUntraced(function* (
  target: number | Target
): Effect.fn.Return<TcpProxy, never, Scope.Scope> {
  const firstCut = yield* Deferred.make<void>()
  const run = yield* FiberSet.makeRuntime()
  const state: State = {
    rule: () => pass,
    connections: 0,
    cuts: 0,
    packets: [],
    open: new Set(),
    onCut: () => {
      state.cuts++
      Deferred.doneUnsafe(firstCut, Effect.void)
    },
    // Timers of one length fire in the order they were set, so bytes keep theirs.
    later: (by, action) => void run(Effect.andThen(Effect.sleep(by), Effect.sync(action)))
  }
  const at = typeof target === "number" ? { port: target } : target
  const server = yield* Effect.acquireRelease(listen(state, at), (server) => close(state, server))
  return {
    // Only a server on a pipe has an address of another shape.
    port: (server.address() as AddressInfo).port,
    setRule: (rule) => Effect.sync(() => void (state.rule = typeof rule === "function" ? rule : () => rule)),
    connections: Effect.sync(() => state.connections),
    packets: Effect.sync(() => [...state.packets]),
    cuts: Effect.sync(() => state.cuts),
    awaitCut: Deferred.await(firstCut)
  }
})

const listen = (state: State, target: Target) =>
  Effect.callback<Server>((resume) => {
    const server = createServer({ allowHalfOpen: true }, (client) => accept(state, client, target))
    server.once("error", (error) => resume(Effect.die(error)))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  })

const close = (state: State, server: Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    for (const socket of state.open) socket.destroy()
  })

/** How to connect to a target. */
export const wayTo = (target: Target) => ("path" in target ? target : { ...target, host: "127.0.0.1" })

const accept = (state: State, client: Socket, target: Target): void => {
  const connection = ++state.connections
  const rule = state.rule(connection)
  watch(state, client)
  if (rule._tag === "CutAtConnect") {
    state.onCut()
    client.resetAndDestroy()
    return
  }
  const server = connect({ ...wayTo(target), allowHalfOpen: true })
  watch(state, server)
  // A side that is gone takes the other with it, once that has what was sent before; a normal end only
  // closes one direction.
  client.on("close", () => server.destroySoon())
  server.on("close", () => client.destroySoon())
  for (const [side, socket] of [
    ["client", client],
    ["server", server]
  ] as const) {
    socket.on("data", (chunk: Buffer) => state.packets.push({ connection, side, bytes: chunk.length }))
  }
  // A Unix socket knows no reset: its other side reads an end.
  const reset = () => {
    client.resetAndDestroy()
    if ("path" in target) server.destroy()
    else server.resetAndDestroy()
  }
  relay(state, rule, client, server, reset)
}

const watch = (state: State, socket: Socket): void => {
  state.open.add(socket)
  socket.setNoDelay(true)
  // Resets are what this proxy is for; the close that follows is handled.
  socket.on("error", () => {})
  socket.once("close", () => state.open.delete(socket))
}

const relay = (state: State, rule: Rule, client: Socket, server: Socket, reset: () => void): void => {
  let lost: Loss | undefined
  const cut = (loss: Loss) => {
    lost = loss
    state.onCut()
    if (loss === "reset") reset()
    if (loss === "close") for (const side of [client, server]) side.end()
  }
  const forwards = (from: Socket): boolean => lost === undefined || (lost === "swallow" && from === client)
  const pump = (from: Socket, to: Socket, side: "client" | "server"): void => {
    const late = rule._tag === "Delay" && side === "server" ? lateness(rule) : undefined
    const scan = rule._tag === "CutWhen" && rule.side === side ? scanner(rule) : undefined
    from.on("data", (chunk: Buffer) => {
      if (!forwards(from)) return
      const hit = lost === undefined ? scan?.(chunk) : undefined
      const bytes = hit === undefined ? chunk : chunk.subarray(0, hit.upTo)
      const by = late?.(chunk)
      if (by !== undefined) return state.later(by, () => to.writable && to.write(bytes))
      if (bytes.length > 0 && to.writable) to.write(bytes)
      if (hit === undefined) return
      cut(hit.loss)
      // A client's bytes are never swallowed: what followed the match in its packet still arrives.
      if (hit.loss === "swallow" && side === "client") to.write(chunk.subarray(hit.upTo))
    })
    from.on("end", () => {
      const by = late?.(Buffer.alloc(0))
      if (by !== undefined) return state.later(by, () => to.end())
      // Swallowed means silence: the client is not told that the server has hung up.
      if (forwards(from)) to.end()
    })
  }
  pump(client, server, "client")
  pump(server, client, "server")
}

/** Tells by how much a chunk is late; it has to see every chunk, in their order. */
const lateness = ({ after, by }: Extract<Rule, { _tag: "Delay" }>) => {
  let said = ""
  return (chunk: Buffer): Duration.Input | undefined => {
    const begun = after === undefined || after.test(said)
    if (!begun) said += chunk.toString("latin1")
    return begun ? by : undefined
  }
}

/** Looks for the pattern in all that one side says; answers where in the newest chunk to cut. */
const scanner = (rule: Extract<Rule, { _tag: "CutWhen" }>) => {
  const find = finderOf(rule.pattern)
  let said = ""
  return (chunk: Buffer): { readonly upTo: number; readonly loss: Loss } | undefined => {
    const seen = said.length
    said += chunk.toString("latin1")
    const found = find(said)
    if (found === undefined) return undefined
    const position = rule.at === "before" ? found.index : found.index + found.length
    return { upTo: Math.max(0, position - seen), loss: rule.loss }
  }
}

const finderOf = (pattern: Pattern): ((said: string) => Found | undefined) => {
  if (typeof pattern === "function") return pattern
  // An expression that remembers where it was would begin there.
  const expression = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""))
  return (said) => {
    const match = expression.exec(said)
    return match === null ? undefined : { index: match.index, length: match[0].length }
  }
}
