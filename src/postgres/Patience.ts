/**
 * Patience: how long a start waits for others who use the schema that it brings up to date.
 *
 * Injected, so that a test can meet the bounds; an operator has no reason to.
 */
import { Context, Duration } from "effect"

export const Patience = Context.Reference<{
  /** How often a step tries for its table. At the bound the start is refused with `schema_locked`. */
  readonly tries: number
  /** How long the workers have the table to themselves between two tries. */
  readonly pauseMillis: number
  /** How long the making of the indexes may take. At the bound: `index_not_ready`. */
  readonly indexMillis: number
  /** How often two who make an index may collide. At the bound: `index_not_ready`. */
  readonly collisions: number
}>("fibric/postgres/Patience", {
  defaultValue: () => ({
    tries: 30,
    pauseMillis: 2_000,
    indexMillis: Duration.toMillis("30 minutes"),
    collisions: 30
  })
})
