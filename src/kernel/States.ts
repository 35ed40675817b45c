/**
 * States: an entity's state between what the ledger stores and what code reads: in the shape that it was
 * written in there, in the newest one here.
 */
import { Effect, Result } from "effect"
import type * as Capability from "../domain/Capability.ts"
import * as Entity from "../domain/Entity.ts"
import { IdempotencyKey, validate } from "../domain/IdempotencyKey.ts"
import { StateUnreadable } from "../domain/lane-errors.ts"
import { jsonOf } from "../domain/PlainCodec.ts"
import { confirmRetry } from "./Claiming.ts"
import { Ledger, type StoredState } from "./Ledger.ts"
import { Workers } from "./Workers.ts"

/** A state with its version. */
export interface EntityState<State> {
  readonly state: State
  /** How often the state has changed; 0 where it never did. */
  readonly version: number
}

export const make = Effect.gen(function* () {
  const ledger = yield* Ledger
  const workers = yield* Workers

  const stateOf = Effect.fn("Executor.stateOf")(function* <Type extends string, State>(
    entity: Entity.Entity<Type, State>,
    address: Entity.EntityAddress<NoInfer<Type>>
  ) {
    // An address is checked as it is in every key that it stands in.
    const key = yield* Effect.fromResult(validate(new IdempotencyKey("state", address, "now")))
    const place = { lane: key.entityHash, worker: yield* workers.incarnation }
    const view = yield* Effect.retry(ledger.look(key, place), confirmRetry)
    const state = Result.mapError(
      readState(entity.shape, view.state),
      (reason) => new StateUnreadable({ entity: Entity.label(address), reason })
    )
    return { state: yield* Effect.fromResult(state), version: view.version }
  })

  return { stateOf }
})

/** The state in its newest shape, whichever one it was stored in. Fails with why it can't be read. */
export const readState = <State>(
  shape: Entity.Shape<State> | undefined,
  stored: StoredState | null
): Result.Result<State, string> => {
  // A type that was declared without a state has none: its state's type is `undefined`.
  if (shape === undefined) return Result.succeed(undefined as State)
  if (stored === null) return Result.succeed(shape.initial)
  const before = shape.earlier[stored.shape]
  if (before === undefined && stored.shape !== shape.earlier.length) {
    return Result.fail(
      `the entity's state has shape ${stored.shape}, and this version knows up to ${shape.earlier.length}`
    )
  }
  const { schema } = before ?? shape
  return Result.flatMap(
    Result.mapError(
      jsonOf(schema).decodeText(stored.json),
      // Without the schema's own words: they can hold the state's values.
      () => `the entity's state no longer fits the schema of its shape ${stored.shape}`
    ),
    (state) =>
      before === undefined
        ? // Decoded by the schema of that very type.
          Result.succeed(state as State)
        : Result.try({
            try: () => before.upgrade(state),
            catch: () => `the entity's state of shape ${stored.shape} can't be upgraded`
          })
  )
}

/** What the action makes of the state, as it is stored. */
export const nextState = (
  { becomes, entity: { shape } }: Capability.Any,
  change: Capability.Change<unknown, unknown>
): Result.Result<StoredState | null, string> => {
  if (becomes === undefined || shape === undefined) return Result.succeed(null)
  return Result.flatMap(
    Result.try({
      try: () => becomes(change),
      catch: (cause) => `its next state can't be told: ${String(cause)}`
    }),
    (next) =>
      Result.mapBoth(jsonOf(shape.schema).encode(next), {
        onSuccess: (json) => ({ shape: shape.earlier.length, json: JSON.stringify(json) }),
        onFailure: () => "its next state does not fit the schema of the entity's state"
      })
  )
}
