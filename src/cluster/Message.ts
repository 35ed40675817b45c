/**
 * Message: an action on its way to the runner that hosts its entity's lane, and the answer.
 *
 * The payload travels as the JSON of its capability's schema, named by the capability: both sides have
 * the same definitions. A refusal travels as its receipt, which the asker reads in the capability's types.
 */
import { Effect, Option, Schema } from "effect"
import { Entity as ClusterEntity } from "effect/cluster"
import { Rpc } from "effect/rpc"
import { type Action, make as makeAction } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import { NotPerformed } from "../domain/connector-errors.ts"
import * as Errors from "../domain/errors.ts"
import { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import * as LaneErrors from "../domain/lane-errors.ts"
import { Receipt } from "../domain/Receipt.ts"

const Address = Schema.Struct({ type: Schema.String, id: Schema.String })

/** What is sent. */
export const Request = Schema.Struct({
  capability: Schema.String,
  entity: Address,
  payload: Schema.Json,
  decidedAt: Schema.NullOr(Schema.Finite),
  operator: Schema.String,
  /** The action inside of whose turn it is asked for. */
  inside: Schema.NullOr(Schema.Struct({ verb: Schema.String, entity: Address, occasion: Schema.String }))
})
export type Request = typeof Request.Type

/** Everything but a refusal that an executor can answer instead of a receipt. */
export const Failure = Schema.Union([
  Errors.InvalidKey,
  Errors.InvalidOperator,
  Errors.InvalidPayload,
  Errors.KeyConflict,
  Errors.InDoubt,
  Errors.Abandoned,
  LaneErrors.LaneHeld,
  LaneErrors.LaneBusy,
  LaneErrors.Superseded,
  LaneErrors.GuardFailed,
  LaneErrors.Saturated,
  LaneErrors.Expired,
  LaneErrors.WouldDeadlock,
  NotPerformed,
  Errors.Unfinished,
  Errors.LedgerUnavailable,
  Errors.ShuttingDown,
  Errors.StoredRefusalUnreadable,
  Errors.InProgress,
  Errors.InsideTransaction
])

/** The lanes as the cluster knows them: one entity for each of ours, by its address. */
export const Lane = ClusterEntity.make("fibric/lane", [
  Rpc.make("execute", { payload: Request, success: Receipt, error: Failure })
])

/** The cluster's name of an entity: `order-4`+`71` and `order`+`4-71` differ. */
export const laneId = ({ id, type }: { readonly type: string; readonly id: string }): string =>
  JSON.stringify([type, id])

/** The action as it is sent. It has been read before: its payload fits. */
export const toRequest = (
  { capability, decidedAt, entity, payload }: Action<Capability.Any>,
  operator: string,
  inside: IdempotencyKey | undefined
): Request => ({
  capability: capability.name,
  entity: { type: entity.type, id: entity.id },
  payload: Schema.encodeUnknownSync(Schema.toCodecJson(capability.payload))(payload),
  decidedAt: decidedAt ?? null,
  operator,
  inside:
    inside === undefined ? null : { verb: inside.verb, entity: inside.entity, occasion: inside.occasion }
})

/** The action as it was meant, by the definition that this runner has under its name. */
export const toAction = (
  capabilities: ReadonlyArray<Capability.Any>,
  { capability: name, decidedAt, entity, payload }: Request
): Effect.Effect<Action<Capability.Any>, NotPerformed | Errors.InvalidPayload> => {
  const capability = capabilities.find((one) => one.name === name)
  if (capability === undefined) {
    const reason = `the runner that hosts ${entity.type}-${entity.id} has no connector that carries out "${name}"`
    return Effect.fail(new NotPerformed({ proof: "never_started", reason }))
  }
  return Schema.decodeEffect(Schema.toCodecJson(capability.payload))(payload).pipe(
    Effect.map((decoded) => makeAction(capability, entity, decoded, decidedAt ?? undefined)),
    Effect.mapError(
      () =>
        new Errors.InvalidPayload({
          capability: name,
          problem: "does_not_fit",
          detail: "the runner that hosts the entity has another schema under this name"
        })
    )
  )
}

/** The key inside of whose turn a request was asked for. */
export const insideOf = ({ inside }: Request): Option.Option<IdempotencyKey> =>
  Option.map(
    Option.fromNullOr(inside),
    ({ entity, occasion, verb }) => new IdempotencyKey(verb, entity, occasion)
  )
