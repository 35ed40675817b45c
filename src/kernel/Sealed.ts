/**
 * Sealed: a connector's function, closed so that only the kernel can call it.
 *
 * The functions live in a private field; `open` is exported to the kernel alone, and no public entry
 * point of the package reaches this module. What a service in the context shows is an empty object.
 */
import type { Effect, Option } from "effect"
import type * as Capability from "../domain/Capability.ts"
import type { EntityAddress } from "../domain/Entity.ts"
import type { LedgerTransaction } from "./LedgerTransaction.ts"

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
export type Run = (payload: unknown, call: Call) => Effect.Effect<unknown, unknown, LedgerTransaction>

/** What a connector does for a capability: carries it out, and looks up what became of it. */
export interface Functions {
  readonly perform: Run
  readonly lookup:
    | ((payload: unknown, call: Call) => Effect.Effect<Option.Option<unknown>, unknown>)
    | undefined
}

// Assigned by the class's static block, the only code that may read the private fields.
let unseal: (sealed: Sealed, capability: Capability.Any) => Functions | undefined

/** A connector's functions, sealed for one capability. */
export class Sealed {
  static {
    unseal = (sealed, capability) => (sealed.#capability === capability ? sealed.#functions : undefined)
  }

  readonly #capability: Capability.Any
  readonly #functions: Functions

  constructor(capability: Capability.Any, functions: Functions) {
    this.#capability = capability
    this.#functions = functions
    Object.freeze(this)
  }
}

/**
 * Opens the seal for the capability that it was made for. For any other there is nothing to call: under
 * another's keys the function could run again for what it has done.
 */
export const open = (sealed: Sealed, capability: Capability.Any): Functions | undefined =>
  unseal(sealed, capability)
