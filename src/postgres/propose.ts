/**
 * propose: an action into the outbox, as a part of the caller's own transaction. It needs no running fibric:
 * the app's client, and a role that may call the function which writes.
 */
import { type DateTime, Duration, Effect } from "effect"
import type { SqlError } from "effect/sql"
import * as SqlClient from "effect/sql/SqlClient"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import * as Operator from "../domain/Operator.ts"
import type { OutboxFull } from "../domain/outbox-errors.ts"
import { type ProposeError, proposalOf } from "../kernel/Proposing.ts"
import { Settings } from "../kernel/Settings.ts"
import { writeOne } from "./proposals.ts"

/** When it is delivered at the earliest, by the database's clock. Default: at once. */
export type ProposeOptions =
  | { readonly dueAt?: DateTime.Utc; readonly after?: never }
  /** So long after it was proposed. */
  | { readonly after?: Duration.Input; readonly dueAt?: never }

/**
 * Proposes an action inside the transaction of the `SqlClient` in the context, in the name of
 * `Operator.Current`: it is delivered if and only if that transaction commits. Answers with its position in the
 * outbox. Its guard is asked when it is delivered.
 *
 * What `execute` would refuse, and what may not be stored (`NotStorable`), is refused before anything is
 * written, and where the entity has as many waiting as it may (`OutboxFull`) nothing is: the transaction can go
 * on in all of these cases. Outside of a transaction it is one of its own.
 */
export const propose = Effect.fn("Outbox.propose")(function* <C extends Capability.Any>(
  action: Action<C>,
  { after, dueAt }: ProposeOptions = {}
): Effect.fn.Return<bigint, ProposeError | OutboxFull | SqlError.SqlError, SqlClient.SqlClient> {
  const bounds = yield* Settings
  const proposal = yield* Effect.fromResult(proposalOf(action, yield* Operator.Current, bounds, dueAt))
  const due = {
    atMillis: dueAt?.epochMilliseconds,
    afterMillis: after === undefined ? undefined : Duration.toMillis(after)
  }
  return yield* writeOne(yield* SqlClient.SqlClient, proposal, due, bounds.outboxCapacity)
})
