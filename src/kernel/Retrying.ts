/**
 * Retrying: another try by a schedule, which is only taken up where the first try has failed. Nearly all
 * statements succeed at once, and a schedule that is begun costs more than what it is begun for.
 */
import { Effect, type Schedule } from "effect"

/** As `Effect.retry`: the same tries at the same times. */
export const retried = <A, E, R, Output>(
  work: Effect.Effect<A, E, R>,
  schedule: Schedule.Schedule<Output, NoInfer<E>>
): Effect.Effect<A, E, R> =>
  Effect.catch(work, (first) => {
    let isFirst = true
    const tried = Effect.suspend(() => {
      if (!isFirst) return work
      isFirst = false
      return Effect.fail(first)
    })
    return Effect.retry(tried, schedule)
  })
