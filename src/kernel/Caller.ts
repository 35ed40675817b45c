/**
 * Caller: what an executor owes to whoever asks and what it asks of him: a caller may leave when its
 * patience ends, and must not be inside a transaction that could take back what is done for it.
 */
import { Clock, Context, DateTime, Duration, Effect } from "effect"
import { InProgress, InsideTransaction } from "../domain/errors.ts"
import type { Ask } from "./Ask.ts"

/** The caller leaves when its patience ends; the flight goes on. */
export const within = <A, E>(
  ask: Ask,
  patience: Duration.Input,
  flight: Effect.Effect<A, E>
): Effect.Effect<A, E | InProgress> =>
  Effect.timeoutOrElse(flight, {
    duration: patience,
    orElse: () =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.fail(
          new InProgress({
            key: ask.key.label,
            waitedMillis: Math.round(Duration.toMillis(patience)),
            checkAfter: DateTime.makeUnsafe(now + ask.capability.deadlineMillis)
          })
        )
      )
  })

/**
 * The open transaction of effect/sql that the current fiber is in, of any client. The reference is
 * effect's own, looked up by its name; a test fails should it ever be called otherwise.
 */
const OpenTransaction = Context.Reference<object | undefined>("effect/sql/CurrentTransactionService", {
  defaultValue: () => undefined
})

/** Whether a fiber of such a context is inside an open transaction. */
export const isInsideTransaction = (context: Context.Context<never>): boolean =>
  Context.get(context, OpenTransaction) !== undefined

export const insideTransaction = ({ key }: Ask): InsideTransaction =>
  new InsideTransaction({ key: key.label })

/** Fails where the current fiber is inside an open transaction. */
export const notInsideTransaction = (ask: Ask): Effect.Effect<void, InsideTransaction> =>
  Effect.contextWith((context: Context.Context<never>) =>
    isInsideTransaction(context) ? Effect.fail(insideTransaction(ask)) : Effect.void
  )
