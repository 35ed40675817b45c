/**
 * Network: the way to the mail server, on which every byte travels but one answer is late or lost: the
 * acknowledgement of a mail that has already been handed over.
 *
 * A proxy on 127.0.0.1, in this process. It owns nothing but the wire; what the server took is asked of
 * the server.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { type Duration, Effect, FiberSet, type Scope } from "effect"

/** What becomes of an acknowledgement on its way back. */
export type Fate = { readonly _tag: "Late"; readonly by: Duration.Input } | { readonly _tag: "Lost" }

export interface Network {
  /** Where to reach the mail server, on 127.0.0.1. */
  readonly port: number
  /** From now on acknowledgements come later by this much. */
  readonly acknowledgeLate: (by: Duration.Input) => Effect.Effect<void>
  /** From now on no acknowledgement arrives. */
  readonly loseAcknowledgements: Effect.Effect<void>
}

interface State {
  fate: Fate
  readonly open: Set<Socket>
  /** Runs an action after a while, within the network's scope. */
  readonly later: (by: Duration.Input, action: () => void) => void
}

/** Lays the way to `127.0.0.1:targetPort`, for as long as the scope lives. */
export const make = Effect.fnUntraced(function* (
  targetPort: number,
  fate: Fate
): Effect.fn.Return<Network, never, Scope.Scope> {
  const run = yield* FiberSet.makeRuntime()
  const state: State = {
    fate,
    open: new Set(),
    later: (by, action) => void run(Effect.andThen(Effect.sleep(by), Effect.sync(action)))
  }
  const server = yield* Effect.acquireRelease(listen(state, targetPort), (server) => close(state, server))
  const become = (fate: Fate) => Effect.sync(() => void (state.fate = fate))
  return {
    // Only a server on a pipe has an address of another shape.
    port: (server.address() as AddressInfo).port,
    acknowledgeLate: (by) => become({ _tag: "Late", by }),
    loseAcknowledgements: become({ _tag: "Lost" })
  }
})

const listen = (state: State, targetPort: number) =>
  Effect.callback<Server>((resume) => {
    const server = createServer((client) => relay(state, client, connect(targetPort, "127.0.0.1")))
    server.once("error", (error) => resume(Effect.die(error)))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  })

const close = (state: State, server: Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    for (const socket of state.open) socket.destroy()
  })

/** After 354 the client sends the mail, so what the server says next is the acknowledgement. */
const goAhead = /^354 /m

const relay = (state: State, client: Socket, server: Socket): void => {
  for (const [socket, other] of [
    [client, server],
    [server, client]
  ] as const) {
    state.open.add(socket)
    socket.setNoDelay(true)
    // A client that loses its patience hangs up, and then the other side hears it too.
    socket.on("error", () => {})
    socket.once("close", () => {
      state.open.delete(socket)
      other.destroy()
    })
  }
  let said = ""
  client.on("data", (bytes) => void server.write(bytes))
  server.on("data", (bytes) => {
    const forward = () => void (client.writable && client.write(bytes))
    const isAcknowledgement = goAhead.test(said)
    said += bytes.toString("latin1")
    if (!isAcknowledgement) return forward()
    if (state.fate._tag === "Late") state.later(state.fate.by, forward)
  })
}
