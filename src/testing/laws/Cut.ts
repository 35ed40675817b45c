/**
 * Cut: what is done to the wire in one trial.
 *
 * An undisturbed conversation is recorded first; then there is a cut for every packet of either side.
 * The bytes are counted, not read, so that a packet's content may differ from trial to trial.
 */
import * as TcpProxy from "../TcpProxy.ts"

export interface Cut {
  /** A phrase for reports: "reset in the middle of the server's packet 3". */
  readonly name: string
  /** For the connection of this number; every other one passes. 0: for none. */
  readonly connection: number
  readonly rule: TcpProxy.Rule
  /**
   * What the call meets: a wire that ends or passes, one that goes silent, or answers that come when the
   * deadline is over.
   */
  readonly kind: "breaks" | "silent" | "late"
}

/** Everything passes. */
export const undisturbed: Cut = {
  name: "undisturbed",
  connection: 0,
  rule: TcpProxy.pass,
  kind: "breaks"
}

/** The proxy's rule for each connection. */
export const ruleOf =
  ({ connection, rule }: Cut) =>
  (number: number): TcpProxy.Rule =>
    number === connection ? rule : TcpProxy.pass

type Side = TcpProxy.Packet["side"]

/** A packet by its place: which of its side's on the connection, and how much that side had said before. */
interface Placed extends TcpProxy.Packet {
  readonly number: number
  readonly from: number
}

const placed = (packets: ReadonlyArray<TcpProxy.Packet>): ReadonlyArray<Placed> =>
  packets.map((packet, index) => {
    const before = packets
      .slice(0, index)
      .filter(({ connection, side }) => connection === packet.connection && side === packet.side)
    return {
      ...packet,
      number: before.length + 1,
      from: before.reduce((sum, { bytes }) => sum + bytes, 0)
    }
  })

/** Cuts as soon as the side has said so many bytes, which still go on. */
const afterBytes = (side: Side, bytes: number, loss: TcpProxy.Loss): TcpProxy.Rule =>
  TcpProxy.cutWhen(side, new RegExp(`^[^]{${bytes}}`), "after", loss)

/** Cuts when the side says more than so many bytes, and keeps those that are more. */
const beyondBytes = (side: Side, bytes: number, loss: TcpProxy.Loss): TcpProxy.Rule =>
  TcpProxy.cutWhen(side, new RegExp(`(?<=^[^]{${bytes}})[^]`), "before", loss)

const nameOf = ({ connection, number, side }: Placed): string =>
  `the ${side}'s packet ${number}${connection === 1 ? "" : ` of connection ${connection}`}`

const breaksAt = (packet: Placed): ReadonlyArray<Cut> => {
  const { bytes, connection, from, side } = packet
  return (["reset", "close"] as const).flatMap((loss) => {
    const cut = (where: string, rule: TcpProxy.Rule): Cut => ({
      name: `${loss} ${where} ${nameOf(packet)}`,
      connection,
      rule,
      kind: "breaks"
    })
    return [
      cut("before", beyondBytes(side, from, loss)),
      // A packet of one byte has no middle.
      ...(bytes < 2 ? [] : [cut("in the middle of", afterBytes(side, from + (bytes >> 1), loss))]),
      cut("after", afterBytes(side, from + bytes, loss))
    ]
  })
}

const silentFrom = (packet: Placed): Cut => ({
  name: `silence from ${nameOf(packet)} on`,
  connection: packet.connection,
  rule: beyondBytes(packet.side, packet.from, "swallow"),
  kind: "silent"
})

const lateFrom = (packet: Placed, byMillis: number): Cut => ({
  name: `answers ${byMillis} ms late from ${nameOf(packet)} on`,
  connection: packet.connection,
  rule: TcpProxy.delay(byMillis, new RegExp(`^[^]{${packet.from}}`)),
  kind: "late"
})

/**
 * Every cut of a recorded conversation: at connect; a reset and a close before, in the middle of and after
 * each packet; silence from each packet on; each of the server's packets late by so many milliseconds.
 */
export const cutsOf = (packets: ReadonlyArray<TcpProxy.Packet>, lateMillis: number): ReadonlyArray<Cut> => {
  const all = placed(packets)
  const connections = [...new Set(all.map(({ connection }) => connection))]
  return [
    ...connections.map((connection): Cut => ({
      name: `cut at connect${connection === 1 ? "" : ` of connection ${connection}`}`,
      connection,
      rule: TcpProxy.cutAtConnect,
      kind: "breaks"
    })),
    ...all.flatMap((packet) => [...breaksAt(packet), silentFrom(packet)]),
    ...all.filter(({ side }) => side === "server").map((packet) => lateFrom(packet, lateMillis))
  ]
}

/** Where a refusal can be lost: a reset before each of the server's packets. */
export const lostAnswersOf = (packets: ReadonlyArray<TcpProxy.Packet>): ReadonlyArray<Cut> =>
  placed(packets)
    .filter(({ side }) => side === "server")
    .map((packet) => ({
      name: `reset before ${nameOf(packet)}`,
      connection: packet.connection,
      rule: beyondBytes(packet.side, packet.from, "reset"),
      kind: "breaks"
    }))
