/**
 * Handover: the message as a stream that knows whether any of it has left.
 *
 * This is the evidence on which every outcome of a conversation rests. nodemailer reads the message
 * only once the server has answered `DATA` with a go-ahead (354), so "not read" proves "not sent",
 * with or without TLS and however the replies were packed. The kernel's clock owns the last word on
 * whether it may still leave.
 */
import { Readable } from "node:stream"

export class Handover extends Readable {
  readonly #bytes: Uint8Array
  readonly #mayLeave: () => boolean
  #state: "held" | "withheld" | "left" = "held"

  /** `mayLeave` is asked once, right before the first byte goes. */
  constructor(bytes: Uint8Array, mayLeave: () => boolean) {
    super()
    this.#bytes = bytes
    this.#mayLeave = mayLeave
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
      if (this.#state === "withheld" || !this.#mayLeave()) {
        this.#state = "withheld"
        this.destroy(new Error("The message was kept back: its time was over"))
        return
      }
      this.#state = "left"
      this.push(this.#bytes)
      this.push(null)
    })
  }
}
