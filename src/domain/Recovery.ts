/**
 * Recovery: what a capability declares for a key in doubt, that is dispatched, perhaps performed,
 * with no outcome recorded.
 */

/** A person decides. Nothing is asked of the provider, and nothing is sent again. */
export interface Hold {
  readonly _tag: "Hold"
}

/** What may be done for a key in doubt. */
export type Recovery = Hold

/** A person decides; the honest choice for a provider that can neither dedupe nor be asked. */
export const hold: Hold = { _tag: "Hold" }
