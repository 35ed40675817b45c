/**
 * MQTT's packets as patterns for a wire that is cut: a packet's first byte, and a length of less than a
 * space, which no text on the wire is followed by.
 */

/** Says that a connection is welcome, or not. It is the first that a broker says. */
export const connack = /^\x20/

/** Asks to hear of topics. It follows on CONNACK. */
export const subscribe = /\x82/

/** The one acknowledgement of QoS 1. */
export const puback = /\x40[^\x20-\xff]/

/** The first acknowledgement of QoS 2: the broker has the message. */
export const pubrec = /\x50[^\x20-\xff]/

/** The client's answer to it: the broker may forget that it has seen it. */
export const pubrel = /\x62[^\x20-\xff]/

/** The last acknowledgement of QoS 2, up to its message's number. */
export const pubcomp = /\x70[^\x20-\xff][^]{2}/
