/**
 * Owned: work that belongs to the runtime, whoever asked for it.
 *
 * A forked fiber inherits the context of the fiber that forks it, an open database transaction
 * included. What the kernel starts on a caller's behalf must see nothing of that.
 */
import { type Context, Effect, Fiber, type Scope } from "effect"

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

/**
 * The same where no effect is at hand to fork from: taking something and starting its work are then one step
 * that no interrupt can tear apart. In a scope that has closed the work ends interrupted and never begins.
 */
export const startOwned = <A, E, R>(
  work: Effect.Effect<A, E, R>,
  context: Context.Context<R>,
  scope: Scope.Scope
): Fiber.Fiber<A, E> =>
  Fiber.runIn(Effect.runForkWith(context)(scope.state._tag === "Closed" ? Effect.interrupt : work), scope)
