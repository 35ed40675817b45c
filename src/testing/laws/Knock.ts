/**
 * Knock: how to know that a server has noticed what reached it.
 *
 * A connection that says nothing is opened and ended. A server that closes it in turn has been through
 * its events once more, and with them through all that arrived before.
 */
import { connect } from "node:net"
import { Duration, Effect } from "effect"
import { type Target, wayTo } from "../TcpProxy.ts"

/** A server that does not close a connection that ended is not waited for any longer than this. */
const patience = Duration.seconds(1)

/** Knocks, and returns when the server has closed the door again. */
export const knock = (target: Target): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const socket = connect(wayTo(target), () => socket.end())
    // A server that is gone has noticed all that it ever will.
    socket.on("error", () => {})
    socket.once("close", () => resume(Effect.void))
    socket.resume()
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeoutOption(patience), Effect.asVoid)
