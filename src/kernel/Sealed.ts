/**
 * Sealed: a connector's function, closed so that only the kernel can call it.
 *
 * The function lives in a private field; `open` is exported to the kernel alone, and no public entry
 * point of the package reaches this module. What a service in the context shows is an empty object.
 */
import type { Effect } from "effect"
import type { EntityAddress } from "../domain/Entity.ts"

/** What a connector is told about the call besides its payload. */
export interface Call {
  /**
   * The idempotency key for the provider: the same for every repeat of one intended change, and
   * rising with the generation once it is proven that nothing was performed.
   */
  readonly key: string
  readonly entity: EntityAddress
  /** Which dispatch of the key this is, from 1. */
  readonly attempt: number
  /** When the kernel will call it doubtful, in milliseconds from the start of the call. */
  readonly deadlineMillis: number
}

/** The raw connector function. Its error is what it may fail with; anything else is a defect. */
export type Run = (payload: unknown, call: Call) => Effect.Effect<unknown, unknown>

// Assigned by the class's static block, the only code that may read the private field.
let unseal: (sealed: Sealed) => Run

/** A sealed connector function. */
export class Sealed {
  static {
    unseal = (sealed) => sealed.#run
  }

  readonly #run: Run

  constructor(run: Run) {
    this.#run = run
    Object.freeze(this)
  }
}

/** Opens the seal. For the executor's one call site. */
export const open = (sealed: Sealed): Run => unseal(sealed)
