/**
 * Verdict: what the end of a conversation proves about the command.
 *
 * Three facts decide: whether its PUBLISH had left, what the broker said about that very packet, and what
 * the device said about that very command. A broker's acknowledgement is no actuation: it proves nothing
 * but that the broker has it.
 */
import { Schema } from "effect"
import { NotPerformed, OutcomeUnknown } from "fibric"
import type { Answer } from "./device.ts"
import type { Stage } from "./Departure.ts"

/** The device's definite no to this command: settled, and replayed to whoever asks again. */
export class DoorRefused extends Schema.TaggedError<DoorRefused>()("DoorRefused", {
  /** The device's own words, without control characters, at most 500 characters. */
  reason: Schema.String
}) {
  override get message() {
    return `The door refused the command: ${this.reason}`
  }
}

/** What a confirmed command returns. */
export const Confirmed = Schema.Struct({
  /** The command's id, made from the key. The device has it among those that it has carried out. */
  command: Schema.String,
  /** What confirmed it: the device's answer to the command, or its state. */
  by: Schema.Literals(["answer", "state"])
})
export type Confirmed = typeof Confirmed.Type

export type Failure = DoorRefused | NotPerformed | OutcomeUnknown

/** At most 500 characters without control characters: it is stored, shown and logged. */
export const words = (text: string): string =>
  text
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 500)
    .toWellFormed()

/** The codes with which PUBREC says that the message was not taken (MQTT 5, 3.5.2.1). */
const notTaken: ReadonlyMap<number, string> = new Map([
  [0x80, "it gave no reason"],
  [0x83, "it is not willing to take it"],
  [0x87, "not authorized"],
  [0x90, "it does not accept the topic"],
  [0x91, "the packet identifier is in use"],
  [0x97, "a quota is exceeded"],
  [0x99, "it does not accept the payload's format"]
])

/** Nobody has subscribed, not even a device that is away and has left its session behind. */
const noSubscribers = 0x10

const hex = (code: number): string => `0x${code.toString(16).padStart(2, "0")}`

/**
 * The broker's PUBREC, by its reason code; `undefined` where it has taken the command and PUBREL is due.
 * MQTT 3.1.1 has no codes and takes everything.
 *
 * 0x10 is said by a broker that knows of no subscription, and the message is not retained: nobody can
 * get it, as long as the broker is not told to look for subscribers again. So PUBREL must not follow.
 */
export const brokerSaid = (
  code: number | undefined,
  id: string
): NotPerformed | OutcomeUnknown | undefined => {
  if (code === undefined || code === 0) return undefined
  if (code === noSubscribers) {
    return new NotPerformed({
      proof: "provider_denies",
      reason: `nobody listens for this door's commands (${hex(code)}), so the broker dropped it`
    })
  }
  const reason = notTaken.get(code)
  return reason === undefined
    ? afterThePublish(
        "published",
        `the broker answered with a code that MQTT does not know (${hex(code)})`,
        id
      )
    : new NotPerformed({
        proof: "provider_denies",
        reason: `the broker did not take the command (${hex(code)}): ${reason}`
      })
}

/** The device's definite no, by its answer or by its state. */
export const deviceRefused = (reason: string): DoorRefused => new DoorRefused({ reason: words(reason) })

/** The device's answer to this very dispatch. */
export const deviceSaid = (answer: Answer, id: string): Confirmed | DoorRefused | NotPerformed => {
  switch (answer.result) {
    case "done":
      return { command: id, by: "answer" }
    case "refused":
      return deviceRefused(answer.reason)
    case "expired":
      return new NotPerformed({
        proof: "provider_denies",
        reason: "the command reached the door too late, and the door left it undone"
      })
  }
}

/** No PUBLISH had left: nothing can have been performed, whatever happened. */
export const beforeThePublish = (what: string): NotPerformed =>
  new NotPerformed({ proof: "never_sent", reason: words(what) })

/** The PUBLISH had left, and neither broker nor device said what became of it. */
export const afterThePublish = (stage: Stage, what: string, id: string): OutcomeUnknown => {
  const far = stage === "released" ? "the broker had the command" : "the command had begun to leave"
  return new OutcomeUnknown({
    reason: `${far} when the conversation ended (${words(what)}); look for ${id} in the door's state`
  })
}

/** What an ending proves by the stage that the command had reached. */
export const endedAt = (stage: Stage, what: string, id: string): NotPerformed | OutcomeUnknown =>
  stage === "held" ? beforeThePublish(what) : afterThePublish(stage, what, id)
