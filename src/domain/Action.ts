/**
 * Action: one proposed use of a capability for one entity. A plain value that can be logged, queued,
 * approved or sent over a wire; it does nothing by itself.
 */
import type * as Capability from "./Capability.ts"
import type { EntityAddress } from "./Entity.ts"
import { IdempotencyKey } from "./IdempotencyKey.ts"

/** A proposed action. */
export interface Action<C extends Capability.Any> {
  readonly capability: C
  readonly entity: EntityAddress
  readonly payload: C["payload"]["Type"]
  /** The version of the entity's state that it was decided against, where it was. */
  readonly decidedAt: number | undefined
  /**
   * The name of this change, `notify:order-4471:shipped`. Derived when read, by the capability's
   * `occasion`; checked by `execute`.
   */
  readonly key: IdempotencyKey
  /** The form for logs and wires: the capability by its name, the entity, the payload. */
  toJSON(): {
    readonly capability: string
    readonly entity: EntityAddress
    readonly payload: unknown
    readonly decidedAt?: number
  }
}

/** Makes an action. Capabilities offer this as `propose`, with the entity's type checked. */
export const make = <C extends Capability.Any>(
  capability: C,
  entity: EntityAddress,
  payload: C["payload"]["Type"],
  decidedAt?: number
): Action<C> => ({
  capability,
  entity,
  payload,
  decidedAt,
  get key() {
    return new IdempotencyKey(capability.name, entity, capability.occasion(payload))
  },
  toJSON() {
    return {
      capability: capability.name,
      entity,
      payload,
      ...(decidedAt === undefined ? {} : { decidedAt })
    }
  }
})
