/**
 * Link: one connection to the broker, for one command or one question, closed afterwards.
 *
 * It never reconnects and never sends a packet twice: a client that resumes a session sends what was not
 * acknowledged again, and that decision is the kernel's. Each link has a name of its own at the broker
 * and leaves no session behind.
 */
import { connect as connectTcp, isIP } from "node:net"
import { connect as connectTls } from "node:tls"
import { Duration, Effect, Exit, Redacted } from "effect"
import { Identifiers } from "fibric"
import { MqttClient } from "mqtt"
import type { Broker } from "./config.ts"

export interface Link {
  readonly client: MqttClient
  /** Destroys the socket, at once: what is not written by now never leaves. */
  readonly hangUp: () => void
}

/** How long a goodbye may take. The outcome is known by then and doesn't wait. */
const goodbyeLimit = Duration.seconds(1)

/** What a broker may send us in one packet. */
const maximumPacketSize = 65_536 + 1_024

/**
 * Uses a link. Success says goodbye in the background; anything else hangs up. `unopened` says what it
 * means where none can even be tried, such as to a port that is none.
 */
export const use = <A, E, E2>(
  broker: Broker,
  speak: (link: Link) => Effect.Effect<A, E>,
  unopened: (what: string) => E2
): Effect.Effect<A, E | E2> =>
  Effect.flatMap(Identifiers.token, (token) =>
    Effect.acquireUseRelease(
      Effect.try({
        try: () => open(broker, `fibric-${token}`),
        catch: (error) => unopened(String(error))
      }),
      speak,
      (link, exit) =>
        Exit.isSuccess(exit)
          ? // In nobody's scope: started at once and over within its limit, so it always closes.
            Effect.asVoid(Effect.forkDetach(sayGoodbye(link), { startImmediately: true }))
          : Effect.sync(link.hangUp)
    )
  )

const open = (broker: Broker, clientId: string): Link => {
  const socket = dial(broker)
  // A socket may report an error after the outcome is known; without a listener it would be fatal.
  socket.on("error", () => {})
  const client = new MqttClient(() => socket, {
    clientId,
    protocolVersion: broker.protocol === "5" ? 5 : 4,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    // Whoever uses the link has a deadline; a connection that lives as long needs no other.
    connectTimeout: 2 ** 31 - 1,
    keepalive: 0,
    // The library's own log would show the packet with the password in it.
    log: () => {},
    ...(broker.protocol === "5" ? { properties: { sessionExpiryInterval: 0, maximumPacketSize } } : {}),
    ...(broker.credentials === undefined
      ? {}
      : { username: broker.credentials.user, password: Redacted.value(broker.credentials.password) })
  })
  client.on("error", () => {})
  return { client, hangUp: () => void socket.destroy() }
}

const dial = ({ ca, encryption, host, port }: Broker) =>
  encryption === "none"
    ? connectTcp({ host, port })
    : connectTls({
        host,
        port,
        // Stated, so that no environment variable switches it off.
        rejectUnauthorized: true,
        minVersion: "TLSv1.2",
        // A server's name can't be an address.
        ...(isIP(host) === 0 ? { servername: host } : {}),
        ...(ca === undefined ? {} : { ca })
      })

/** DISCONNECT, so that the broker's log ends well. The device has the command by now, whatever follows. */
const sayGoodbye = ({ client, hangUp }: Link) =>
  Effect.callback<void>((resume) => {
    client.end(false, () => resume(Effect.void))
  }).pipe(
    Effect.timeoutOrElse({ duration: goodbyeLimit, orElse: () => Effect.void }),
    Effect.ensuring(Effect.sync(hangUp))
  )

/** Says once how the link ended before its time: in words, whichever of the two sides it was. */
export const onEnd = ({ client }: Link, end: (what: string) => void): void => {
  client.on("error", (error) => end(error.message === "" ? "the connection broke" : error.message))
  client.on("disconnect", ({ reasonCode }) =>
    end(`the broker hung up (0x${(reasonCode ?? 0).toString(16).padStart(2, "0")})`)
  )
  client.on("close", () => end("the connection was closed"))
}
