/**
 * Proposing: an action as the outbox stores it. Whatever `execute` would refuse by itself is refused here,
 * with the same errors and before anything is written, because nobody would be there to hear it later; and
 * so is what may not be stored at all.
 */
import { type DateTime, Result } from "effect"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import type { Rejection } from "../domain/execute-error.ts"
import { NotStorable } from "../domain/outbox-errors.ts"
import { pointer } from "../domain/Secret.ts"
import * as Ask from "./Ask.ts"
import type { Proposal } from "./Outbox.ts"
import type { Bounds } from "./Settings.ts"
import * as StoredRequest from "./StoredRequest.ts"

/** What keeps an action from being proposed, besides a full outbox. */
export type ProposeError = Rejection | NotStorable

/** The proposal of an action in an operator's name; without `dueAt` it is due at once. */
export const proposalOf = (
  action: Action<Capability.Any>,
  operator: string,
  bounds: Bounds,
  dueAt?: DateTime.Utc
): Result.Result<Proposal, ProposeError> =>
  Result.gen(function* () {
    const { capability, decidedAt, payload } = action
    yield* checkStorable(capability)
    yield* Ask.checkOperator(operator)
    const encoded = yield* Ask.encodePayload(capability, payload, bounds)
    const { own } = yield* Ask.identify(action, encoded)
    return { capability: capability.name, entity: own.entity, payload: encoded, decidedAt, operator, dueAt }
  })

/** Refuses a capability whose payload may not wait in a table. */
export const checkStorable = (capability: Capability.Any): Result.Result<void, NotStorable> => {
  const [secret] = capability.secrets
  const problem =
    secret === undefined
      ? StoredRequest.uncovered(capability)
      : `its payload has a secret at ${pointer(secret)}`
  return problem === undefined
    ? Result.void
    : Result.fail(new NotStorable({ capability: capability.name, problem }))
}
