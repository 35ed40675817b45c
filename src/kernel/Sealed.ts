/**
 * Sealed: a connector's function, closed so that only the kernel can call it.
 *
 * The function lives in a private field; `open` is exported to the kernel alone, and no public entry
 * point of the package reaches this module. What a service in the context shows is an empty object.
 */
import type { Effect } from "effect"
import type * as Capability from "../domain/Capability.ts"
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

// Assigned by the class's static block, the only code that may read the private fields.
let unseal: (sealed: Sealed, capability: Capability.Any) => Run | undefined

/** A connector's function, sealed for one capability. */
export class Sealed {
  static {
    unseal = (sealed, capability) => (sealed.#capability === capability ? sealed.#run : undefined)
  }

  readonly #capability: Capability.Any
  readonly #run: Run

  constructor(capability: Capability.Any, run: Run) {
    this.#capability = capability
    this.#run = run
    Object.freeze(this)
  }
}

/**
 * Opens the seal for the capability that it was made for. For any other there is nothing to call: under
 * another's keys the function could run again for what it has done.
 */
export const open = (sealed: Sealed, capability: Capability.Any): Run | undefined =>
  unseal(sealed, capability)
