/**
 * Owned: work that belongs to the runtime, whoever asked for it.
 *
 * A forked fiber inherits the context of the fiber that forks it, an open database transaction
 * included. What the kernel starts on a caller's behalf must see nothing of that.
 */
import { type Context, Effect, type Fiber, type Scope } from "effect"

/**
 * Forks work that runs in the given context and no other, in the given scope, and has begun when this
 * returns: work that was taken and never starts could never answer.
 */
export const forkOwned = <A, E, R>(
  work: Effect.Effect<A, E, R>,
  context: Context.Context<R>,
  scope: Scope.Scope
): Effect.Effect<Fiber.Fiber<A, E>> =>
  Effect.forkIn(
    Effect.updateContext(work, (_caller: Context.Context<never>) => context),
    scope,
    { startImmediately: true }
  )
