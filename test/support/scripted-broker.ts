/**
 * A fake of a broker, which says what a test tells it to: every reason code of MQTT 5, silence, hanging
 * up, and a device's words. It writes down what reached it. It routes nothing; a real broker does that.
 */
import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { Effect, type Scope } from "effect"
import { generate, type IPublishPacket, type Packet, parser } from "mqtt-packet"

/** What the fake says at each step, in place of what a broker does. */
export interface Script {
  readonly connack?: number
  readonly properties?: { readonly maximumQoS?: number; readonly retainAvailable?: boolean }
  readonly suback?: number
  /** The retained state. Default: of a door that has done nothing. */
  readonly state?: string
  /** The answer to the command; `silence` keeps quiet, `hang up` ends the connection, `another's` has another number. */
  readonly pubrec?: number | "silence" | "hang up" | "disconnect" | "another's"
  readonly pubcomp?: number | "silence" | "hang up"
  /** What the device says once the broker has passed the command on. */
  readonly device?: (told: Told) => ReadonlyArray<Said>
  /** When the broker passes it on: at PUBREL, as most do, or at PUBLISH, as it may. Default: `pubrel`. */
  readonly passesOnAt?: "publish" | "pubrel"
}

/** The command as it reached the fake. */
export interface Told {
  readonly packet: IPublishPacket
  readonly id: string
  readonly state: (...done: ReadonlyArray<string>) => Said
  readonly answer: (text: string) => Said
}

export type Said = Pick<IPublishPacket, "topic" | "payload"> &
  Partial<Pick<IPublishPacket, "retain" | "properties">>

export interface ScriptedBroker {
  readonly port: number
  /** The commands of the packets that reached it, in order: `connect subscribe publish pubrel disconnect`. */
  readonly heard: Effect.Effect<string>
  /** Waits until no connection is open any more. */
  readonly idle: Effect.Effect<void>
  /** The first packet of this kind. */
  readonly packet: (cmd: Packet["cmd"]) => Packet | undefined
}

export const stateOf = (...done: ReadonlyArray<string>): string =>
  JSON.stringify({ locked: true, done, remembers: 16 })

/** Starts a fake that follows the script. */
export const make = Effect.fnUntraced(function* (
  script: Script
): Effect.fn.Return<ScriptedBroker, never, Scope.Scope> {
  const packets: Array<Packet> = []
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on("error", () => {})
    const parse = parser({ protocolVersion: 5 })
    parse.on("packet", (packet: Packet) => {
      packets.push(packet)
      follow(script, socket, packet, packets)
    })
    parse.on("error", () => socket.destroy())
    socket.on("data", (chunk: Buffer) => parse.parse(chunk))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of open) socket.destroy()
      })
  )
  return {
    // Only a server on a pipe has an address of another shape.
    port: (server.address() as AddressInfo).port,
    heard: Effect.sync(() => packets.map(({ cmd }) => cmd).join(" ")),
    idle: Effect.promise(() =>
      Promise.all([...open].map((socket) => socket.destroyed || once(socket, "close")))
    ),
    packet: (cmd) => packets.find((packet) => packet.cmd === cmd)
  }
})

const follow = (script: Script, socket: Socket, packet: Packet, before: ReadonlyArray<Packet>): void => {
  const send = (packet: Packet) => void socket.write(generate(packet, { protocolVersion: 5 }))
  const passOn = (command: Packet | undefined) => {
    if (command?.cmd !== "publish") return
    for (const said of script.device?.(told(command)) ?? []) {
      send({ cmd: "publish", qos: 0, dup: false, retain: false, ...said })
    }
  }
  const messageId = packet.messageId ?? 0
  switch (packet.cmd) {
    case "connect":
      return send({
        cmd: "connack",
        sessionPresent: false,
        reasonCode: script.connack ?? 0,
        ...(script.properties && { properties: script.properties })
      })
    case "subscribe": {
      send({ cmd: "suback", messageId, granted: packet.subscriptions.map(() => script.suback ?? 1) })
      const topic = packet.subscriptions.find(({ topic }) => topic.endsWith("/state"))?.topic ?? ""
      const payload = script.state ?? stateOf()
      return payload === "none"
        ? undefined
        : send({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: true })
    }
    case "publish":
      if (script.passesOnAt === "publish") passOn(packet)
      if (script.pubrec === "silence") return
      if (script.pubrec === "hang up") return void socket.destroy()
      if (script.pubrec === "disconnect") return send({ cmd: "disconnect", reasonCode: 0x95 })
      if (script.pubrec === "another's")
        return send({ cmd: "pubrec", messageId: messageId + 1, reasonCode: 0 })
      return send({ cmd: "pubrec", messageId, reasonCode: script.pubrec ?? 0 })
    case "pubrel":
      if (script.passesOnAt !== "publish") passOn(before.find(({ cmd }) => cmd === "publish"))
      if (script.pubcomp === "silence") return
      if (script.pubcomp === "hang up") return void socket.destroy()
      return send({ cmd: "pubcomp", messageId, reasonCode: script.pubcomp ?? 0 })
    default:
  }
}

const told = (packet: IPublishPacket): Told => {
  const { id }: { id: string } = JSON.parse(packet.payload.toString())
  const { correlationData, responseTopic = "" } = packet.properties ?? {}
  return {
    packet,
    id,
    state: (...done) => ({ topic: packet.topic.replace(/command$/, "state"), payload: stateOf(...done) }),
    answer: (payload) => ({
      topic: responseTopic,
      payload,
      ...(correlationData && { properties: { correlationData } })
    })
  }
}
