/**
 * Wire: what lies between the workers and Postgres, and loses what networks lose. It sees every packet
 * of every connection: a cut is armed, and hits the next packet of a client that fits.
 *
 * What the server did is asked of the server; a cut says only which side of it the loss was on.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { Effect, FiberSet, type Scope } from "effect"

/**
 * What is lost.
 *
 * - `request`: the packet does not reach the server, and both sides are reset
 * - `half`: the server gets half of it, then the same
 * - `reply`: the server gets it and answers, and the client is reset in place of the answer
 * - `silence`: the server gets it and answers, and the client hears nothing for a while, then a reset
 * - `late`: the client is reset at once, and the server gets it a while later
 */
export const losses = ["request", "half", "reply", "silence", "late"] as const
export type Loss = (typeof losses)[number]

export interface Cut {
  readonly loss: Loss
  /** What the packet has to say, one character a byte. */
  readonly pattern: RegExp
  /** For `silence` and `late`: how long. */
  readonly afterMillis: number
}

export interface Wire {
  /** Where to connect instead of the server, on 127.0.0.1. */
  readonly port: number
  /** Hits the next packet that fits; what has hit nothing for so long is taken back. */
  readonly cut: (cut: Cut, withinMillis: number) => Effect.Effect<void>
  /** Answers come later by so much, for so long. */
  readonly delay: (byMillis: number, forMillis: number) => Effect.Effect<void>
  /** Takes back what is armed. */
  readonly pass: Effect.Effect<void>
  /** Cuts that have hit, by what was lost. */
  readonly cuts: Effect.Effect<Readonly<Record<Loss, number>>>
}

interface State {
  readonly armed: Set<Cut>
  readonly hits: Record<Loss, number>
  readonly open: Set<Socket>
  delayMillis: number
  readonly target: () => string
  readonly later: (millis: number, action: () => void) => void
}

/** Starts it in front of the socket that `target` names at the time. */
export const make = Effect.fnUntraced(function* (
  target: () => string
): Effect.fn.Return<Wire, never, Scope.Scope> {
  const run = yield* FiberSet.makeRuntime()
  const state: State = {
    armed: new Set(),
    hits: { request: 0, half: 0, reply: 0, silence: 0, late: 0 },
    open: new Set(),
    delayMillis: 0,
    target,
    // Timers of one length fire in the order they were set, so bytes keep theirs.
    later: (millis, action) => void run(Effect.andThen(Effect.sleep(millis), Effect.sync(action)))
  }
  const server = yield* Effect.acquireRelease(listen(state), (server) => close(state, server))
  return {
    // Only a server on a pipe has an address of another shape.
    port: (server.address() as AddressInfo).port,
    cut: (cut, withinMillis) =>
      Effect.sync(() => state.armed.add(cut)).pipe(
        Effect.andThen(Effect.sleep(withinMillis)),
        Effect.andThen(Effect.sync(() => void state.armed.delete(cut)))
      ),
    delay: (byMillis, forMillis) =>
      Effect.sync(() => void (state.delayMillis = byMillis)).pipe(
        Effect.andThen(Effect.sleep(forMillis)),
        Effect.andThen(Effect.sync(() => void (state.delayMillis = 0)))
      ),
    pass: Effect.sync(() => {
      state.armed.clear()
      state.delayMillis = 0
    }),
    cuts: Effect.sync(() => ({ ...state.hits }))
  }
})

const listen = (state: State) =>
  Effect.callback<Server>((resume) => {
    const server = createServer((client) => accept(state, client))
    server.once("error", (error) => resume(Effect.die(error)))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  })

const close = (state: State, server: Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    for (const socket of state.open) socket.destroy()
  })

const watch = (state: State, socket: Socket): void => {
  state.open.add(socket)
  socket.setNoDelay(true)
  // Resets are what this is for; the close that follows is handled.
  socket.on("error", () => {})
  socket.once("close", () => state.open.delete(socket))
}

const accept = (state: State, client: Socket): void => {
  const server = connect({ path: state.target() })
  watch(state, client)
  watch(state, server)
  let hit: Cut | undefined
  client.on("close", () => {
    if (hit?.loss !== "late") server.destroy()
  })
  server.on("close", () => {
    if (hit?.loss !== "silence") client.destroySoon()
  })
  client.on("data", (chunk: Buffer) => {
    if (hit !== undefined) return
    hit = hitBy(state, chunk)
    if (hit === undefined) return void server.write(chunk)
    strike(state, hit, chunk, client, server)
  })
  server.on("data", (chunk: Buffer) => {
    if (hit?.loss === "reply") return void client.resetAndDestroy()
    if (hit !== undefined) return
    const send = () => {
      if (client.writable && hit === undefined) client.write(chunk)
    }
    if (state.delayMillis > 0) state.later(state.delayMillis, send)
    else send()
  })
}

const hitBy = ({ armed, hits }: State, chunk: Buffer): Cut | undefined => {
  if (armed.size === 0) return undefined
  const said = chunk.toString("latin1")
  const cut = [...armed].find(({ pattern }) => pattern.test(said))
  if (cut === undefined) return undefined
  armed.delete(cut)
  hits[cut.loss] += 1
  return cut
}

const strike = (state: State, { afterMillis, loss }: Cut, chunk: Buffer, client: Socket, server: Socket) => {
  switch (loss) {
    case "request":
      client.resetAndDestroy()
      return
    case "half":
      server.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => client.resetAndDestroy())
      return
    case "reply":
      server.write(chunk)
      return
    case "silence":
      server.write(chunk)
      state.later(afterMillis, () => client.resetAndDestroy())
      return
    case "late":
      client.resetAndDestroy()
      state.later(afterMillis, () => server.end(chunk))
  }
}
