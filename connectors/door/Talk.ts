/**
 * Talk: what has been heard in one conversation, and what follows from it.
 *
 * Here it is decided that the command leaves, and by whose word the conversation ends. The first outcome
 * stands; nothing of the command leaves after it.
 */
import { Effect, Option } from "effect"
import type { Order, Packet } from "./Command.ts"
import type { Departure } from "./Departure.ts"
import { answerIn, refusalOf, saysOf, stateIn } from "./device.ts"
import type { Link } from "./Link.ts"
import { brokerSaid, type Confirmed, deviceRefused, deviceSaid, endedAt, type Failure } from "./verdict.ts"

/** The part of a PUBREC that is evidence. */
export interface Pubrec {
  readonly messageId?: number | undefined
  readonly reasonCode?: number | undefined
}

export class Talk {
  readonly #link: Link
  readonly #order: Order
  readonly #departure: Departure
  readonly #packet: () => Packet
  readonly #resume: (outcome: Effect.Effect<Confirmed, Failure>) => void
  #listening = false
  #heardState = false
  #packetId: number | undefined

  constructor(
    link: Link,
    order: Order,
    departure: Departure,
    packet: () => Packet,
    resume: (outcome: Effect.Effect<Confirmed, Failure>) => void
  ) {
    this.#link = link
    this.#order = order
    this.#departure = departure
    this.#packet = packet
    this.#resume = resume
  }

  /** Whatever the device says from now on is heard. */
  listens(): void {
    this.#listening = true
    this.#publish()
  }

  hearState(payload: Buffer): void {
    // Somebody has cleared the topic: that is no state.
    if (payload.length === 0) return
    const state = stateIn(payload)
    if (Option.isNone(state)) {
      if (this.#departure.stage === "held") this.end("the door's state can't be read")
      return
    }
    const { id } = this.#order
    if (saysOf(state.value, id) === "done") return this.#confirm({ command: id, by: "state" })
    const refusal = refusalOf(state.value, id)
    if (refusal !== undefined) return this.#fail(deviceRefused(refusal))
    this.#heardState = true
    this.#publish()
  }

  hearAnswer(payload: Buffer): void {
    const answer = answerIn(payload)
    // Nothing has been asked yet, or nobody can read it: the state may still tell.
    if (this.#departure.stage === "held" || Option.isNone(answer)) return
    const said = deviceSaid(answer.value, this.#order.id)
    return "command" in said ? this.#confirm(said) : this.#fail(said)
  }

  hearPubrec({ messageId, reasonCode }: Pubrec): void {
    if (messageId !== this.#packetId) return this.end("the broker acknowledged what it was not sent")
    const said = brokerSaid(reasonCode, this.#order.id)
    if (said !== undefined) return this.#fail(said)
    if (!this.#departure.release()) this.end("its time was over before the broker had acknowledged it")
  }

  end(what: string): void {
    this.#fail(endedAt(this.#departure.stage, what, this.#order.id))
  }

  /** Once both the answer and the state are heard, and the state does not have the command. */
  #publish(): void {
    if (!this.#listening || !this.#heardState || !this.#departure.publish()) return
    const { options, payload } = this.#packet()
    const { client } = this.#link
    client.publish(this.#order.topics.command, payload, options, (error) => {
      if (error) this.end(error.message)
    })
    this.#packetId = client.getLastMessageId()
  }

  #fail(failure: Failure): void {
    // From here on nothing may leave, so that the verdict stays true.
    this.#departure.close()
    this.#link.hangUp()
    this.#resume(Effect.fail(failure))
  }

  /** Also by an earlier dispatch of the key: then this one's PUBREL, if it is still due, never leaves. */
  #confirm(confirmed: Confirmed): void {
    this.#departure.close()
    this.#resume(Effect.succeed(confirmed))
  }
}
