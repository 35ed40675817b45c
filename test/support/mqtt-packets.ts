/**
 * MQTT's packets as patterns for a wire that is cut. They are found by walking from packet to packet: their
 * bytes alone may as well stand in a packet's number, which each connection begins at random.
 */
import type { Pattern } from "../../src/testing/TcpProxy.ts"

/** How long the packet is that begins here, its head included; `undefined` until all of it was said. */
const lengthAt = (said: string, index: number): number | undefined => {
  // Seven bits a byte, the lowest first; the last byte has no eighth.
  let body = 0
  for (let digit = 0; index + 1 + digit < said.length; digit++) {
    const byte = said.charCodeAt(index + 1 + digit)
    body += (byte & 0x7f) * 128 ** digit
    if (byte >= 0x80) continue
    const length = 2 + digit + body
    return index + length <= said.length ? length : undefined
  }
  return undefined
}

/** The first packet of a type, by its number (MQTT 5, 2.1.2), once all of it was said. */
const packetOf =
  (type: number): Pattern =>
  (said) => {
    let index = 0
    let length = lengthAt(said, index)
    while (length !== undefined) {
      if (said.charCodeAt(index) >> 4 === type) return { index, length }
      index += length
      length = lengthAt(said, index)
    }
    return undefined
  }

/** Says that a connection is welcome, or not. It is the first that a broker says. */
export const connack = packetOf(2)

/** The one acknowledgement of QoS 1. */
export const puback = packetOf(4)

/** The first acknowledgement of QoS 2: the broker has the message. */
export const pubrec = packetOf(5)

/** The client's answer to it: the broker may forget that it has seen it. */
export const pubrel = packetOf(6)

/** The last acknowledgement of QoS 2. */
export const pubcomp = packetOf(7)

/** Asks to hear of topics. It follows on CONNACK. */
export const subscribe = packetOf(8)
