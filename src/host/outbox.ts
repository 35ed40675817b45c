/**
 * outbox: the outbox as applications have it. `propose` writes to it inside a transaction of theirs;
 * `layerDelivery`, beside the connectors, has this process deliver what waits.
 */
import { Effect, type Layer } from "effect"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import type { LedgerUnavailable } from "../domain/errors.ts"
import * as Operator from "../domain/Operator.ts"
import type { OutboxFull } from "../domain/outbox-errors.ts"
import type { Connectors } from "../kernel/Connectors.ts"
import type { Executor } from "../kernel/Executor.ts"
import { Outbox } from "../kernel/Outbox.ts"
import { type ProposeError, proposalOf } from "../kernel/Proposing.ts"
import { Settings } from "../kernel/Settings.ts"
import * as Deliveries from "../operator/Deliveries.ts"

export {
  type Backlog,
  type DeadLetter,
  type Delivered,
  type Move,
  Outbox,
  type Proposal,
  type Taken
} from "../kernel/Outbox.ts"
export { type ProposeError, proposalOf } from "../kernel/Proposing.ts"
export { Deliveries } from "../operator/Deliveries.ts"
export { propose, type ProposeOptions } from "../postgres/propose.ts"

/**
 * Delivers what waits in the outbox and that this process's connectors carry out, until the layer closes. Any
 * number of processes may: each row is one's at a time.
 */
export const layerDelivery: Layer.Layer<Deliveries.Deliveries, never, Outbox | Executor | Connectors> =
  Deliveries.layer

/**
 * Proposes an action in a transaction of the outbox's own, where there is none that it should be a part of: it
 * waits durably from here on. Also in memory.
 */
export const enqueue = Effect.fn("Outbox.enqueue")(function* <C extends Capability.Any>(
  action: Action<C>
): Effect.fn.Return<bigint, ProposeError | OutboxFull | LedgerUnavailable, Outbox> {
  const outbox = yield* Outbox
  const operator = yield* Operator.Current
  const proposal = yield* Effect.fromResult(proposalOf(action, operator, yield* Settings))
  const [position] = yield* Effect.catchTag(outbox.put([proposal]), "CursorMoved", () =>
    Effect.die("Bug: a cursor moved that was not given")
  )
  return position ?? (yield* Effect.die("Bug: a proposal was put and has no position"))
})
