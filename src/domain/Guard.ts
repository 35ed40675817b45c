/**
 * Guard: whether an action is still wanted. Asked at the head of the entity's lane (`kernel/Wanted`), against
 * the state as it then is, and never again once the action is dispatched.
 */
import { Effect } from "effect"
import type { EntityAddress } from "./Entity.ts"

/** What a guard is asked about. */
export interface Question<State, Payload> {
  readonly entity: EntityAddress
  /** The entity's state now; its version is the one that the claim is bound to. */
  readonly state: State
  /** How often the state has changed; 0 where it never did. */
  readonly version: number
  readonly payload: Payload
}

export type Verdict = { readonly _tag: "Wanted" } | { readonly _tag: "Superseded"; readonly reason: string }

/** It is still wanted. */
export const wanted: Effect.Effect<Verdict> = Effect.succeed({ _tag: "Wanted" })

/**
 * It is not wanted any more, and why, in words for the receipt. The key is not spent. The reason is
 * cut at 2,000 characters, and must hold no secret.
 */
export const superseded = (reason: string): Effect.Effect<Verdict> =>
  Effect.succeed({ _tag: "Superseded", reason })
