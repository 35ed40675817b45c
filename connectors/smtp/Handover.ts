/**
 * Handover: the message as a stream that knows whether any of it has left.
 *
 * This is the evidence on which every outcome of a conversation rests. nodemailer reads the message
 * only once the server has answered `DATA`, so "not read" proves "not sent", with or without TLS and
 * however the replies were packed. It takes every 2xx and 3xx for a go-ahead; the conversation, which
 * has the last word on whether the message may leave, takes 354 alone.
 */
import { Readable } from "node:stream"

export class Handover extends Readable {
  readonly #bytes: Uint8Array
  readonly #objection: () => string | undefined
  #state: "held" | "withheld" | "left" = "held"

  /** `objection` is asked right before the first byte goes: why it may not, or `undefined` where it may. */
  constructor(bytes: Uint8Array, objection: () => string | undefined) {
    super()
    this.#bytes = bytes
    this.#objection = objection
  }

  /** Whether the first byte has been handed over. From then on nothing can be recalled. */
  get left(): boolean {
    return this.#state === "left"
  }

  /** Keeps the message back for good. `false`: too late, it has begun to leave. */
  withhold(): boolean {
    if (this.#state === "held") this.#state = "withheld"
    return this.#state === "withheld"
  }

  /**
   * One turn of the event loop passes first: a reply that came in one packet with the go-ahead is
   * then read before a byte leaves, and can't be taken for the answer to the message.
   */
  override _read(): void {
    setImmediate(() => {
      if (this.#state === "left" || this.destroyed) return
      const objection = this.#state === "withheld" ? "the conversation was over" : this.#objection()
      if (objection !== undefined) {
        this.#state = "withheld"
        this.destroy(new Error(`The message was kept back: ${objection}`))
        return
      }
      this.#state = "left"
      this.push(this.#bytes)
      this.push(null)
    })
  }
}
