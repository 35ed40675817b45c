/**
 * Operator: who proposed an action. A named agent, person, schedule or service.
 *
 * It travels with the fiber, is written on every receipt, and is never part of a key: two operators
 * with one intention still cause one effect.
 */
import { Context, Effect } from "effect"

/** The name of whoever has given none. */
export const unnamed = "unnamed"

/** The operator in whose name the current fiber acts. */
export const Current = Context.Reference<string>("fibric/domain/Operator/Current", {
  defaultValue: () => unnamed
})

/** The longest operator's name, in UTF-16 units. */
export const maxLength = 128

/** Runs an effect in the name of an operator: `execute(action).pipe(Operator.as("shipping"))`. */
export const as =
  (name: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(self, Current, name)
