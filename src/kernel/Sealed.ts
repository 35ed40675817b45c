/**
 * Sealed: a connector's function, closed so that only the kernel can call it.
 *
 * The functions live in a private field; `open` is exported to the kernel alone, and no public entry
 * point of the package reaches this module. What a service in the context shows is an empty object.
 */
import type { Effect, Option } from "effect"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import type { EntityAddress } from "../domain/Entity.ts"
import type { ExecuteError } from "../domain/execute-error.ts"
import type * as Guard from "../domain/Guard.ts"
import type { Performed } from "../domain/Receipt.ts"
import type { Handler } from "./Handler.ts"
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

/** What a program is told, and what it acts through. */
export interface ProgramCall extends Call {
  /**
   * Performs an action as a step of this program. Its key is derived from the program's and from what
   * the step is: in every run of the program the same step is the same change, performed once, and a
   * step that has settled is answered with its receipt. A step of the program's own entity is performed
   * in the program's place; one of another entity waits for its turn there.
   */
  readonly perform: <C extends Capability.Any>(
    action: Action<C>
  ) => Effect.Effect<Performed<C["success"]["Type"]>, C["error"]["Type"] | ExecuteError, Handler<C["name"]>>
}

/** The raw connector function. Its error is what it may fail with; anything else is a defect. A program's is given a `ProgramCall`. */
export type Run = (payload: unknown, call: Call) => Effect.Effect<unknown, unknown, LedgerTransaction>

/** What a connector does for a capability: carries it out, and looks up what became of it. */
export interface Functions {
  readonly perform: Run
  readonly lookup:
    | ((payload: unknown, call: Call) => Effect.Effect<Option.Option<unknown>, unknown>)
    | undefined
  readonly guard:
    | ((question: Guard.Question<unknown, unknown>) => Effect.Effect<Guard.Verdict, unknown>)
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
