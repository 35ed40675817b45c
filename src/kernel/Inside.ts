/**
 * Inside: whose turn the current fiber is part of. Set around a connector's call and a guard, so that an
 * action which is asked for from in there can be told that it would wait for itself.
 */
import { Context } from "effect"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"

/** The key that is in flight around the current fiber; `undefined` outside of any lane. */
export const Inside = Context.Reference<IdempotencyKey | undefined>("fibric/kernel/Inside", {
  defaultValue: () => undefined
})
