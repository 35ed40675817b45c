/**
 * Departure: how far a command has got on its way out, and whether it may go on.
 *
 * A QoS 2 command leaves in two packets: PUBLISH hands it to the broker, PUBREL lets the broker pass it
 * on. A broker may pass it on after the first already, so only "no PUBLISH has left" is proof. The second
 * is withheld all the same when the time is over: most brokers then drop the command. The kernel's clock
 * owns the last word on both.
 */
export type Stage =
  /** Nothing has left. */
  | "held"
  /** The broker has it, or may have it; not every broker passes it on yet. */
  | "published"
  /** Nothing is left that could be withheld. */
  | "released"

export class Departure {
  readonly #mayLeave: () => boolean
  #stage: Stage = "held"
  #closed = false

  /** `mayLeave` is asked right before each of the two packets. */
  constructor(mayLeave: () => boolean) {
    this.#mayLeave = mayLeave
  }

  get stage(): Stage {
    return this.#stage
  }

  /** Asked right before PUBLISH is written. `false`: it must not be. */
  publish(): boolean {
    return this.#advance("held", "published")
  }

  /** Asked right before PUBREL is written. `false`: it must not be. */
  release(): boolean {
    return this.#advance("published", "released")
  }

  /** Nothing may leave any more. Answers how far it had got. */
  close(): Stage {
    this.#closed = true
    return this.#stage
  }

  #advance(from: Stage, to: Stage): boolean {
    if (this.#stage !== from || this.#closed || !this.#mayLeave()) return false
    this.#stage = to
    return true
  }
}
