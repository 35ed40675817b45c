/**
 * Where an acknowledgement is lost: before and after each that there is between a command and the word
 * of its door.
 */
import { cutWhen, type Rule } from "../../src/testing/TcpProxy.ts"
import { connack, pubcomp, pubrec, pubrel, subscribe } from "../../test/support/mqtt-packets.ts"

export interface Stage {
  readonly name: string
  /** For the command's first connection. What it keeps back never arrives, and the wire is reset. */
  readonly rule: Rule
}

/** What the door says once it has acted: its answer, or a state with a command in it. */
const word = /"result":"done"|"done":\["/

const stages: ReadonlyArray<readonly [name: string, rule: Rule]> = [
  ["before CONNACK", cutWhen("server", connack, "before", "reset")],
  // SUBSCRIBE is what follows.
  ["after CONNACK", cutWhen("client", subscribe, "before", "reset")],
  ["before PUBREC", cutWhen("server", pubrec, "before", "reset")],
  // PUBREL is what follows: mosquitto does not pass the command on without it, aedes already has.
  ["after PUBREC", cutWhen("client", pubrel, "before", "reset")],
  ["before PUBCOMP", cutWhen("server", pubcomp, "before", "reset")],
  ["after PUBCOMP", cutWhen("server", pubcomp, "after", "reset")],
  ["before the door's word", cutWhen("server", word, "before", "reset")],
  ["after the door's word", cutWhen("server", /"result":"done"\}|"done":\["\w+"\][^}]*\}/, "after", "reset")]
]

export const all: ReadonlyArray<Stage> = stages.map(([name, rule]) => ({ name, rule }))
