/**
 * Spans: the kernel's own spans on the ways that every request takes. They are made where somebody traces:
 * a span that nobody is told of costs as much as the step that it is around.
 */
import { Context, Effect, Tracer } from "effect"

/** The effect, as a span of this name where the app has set a tracer up. */
export const traced = <A, E, R>(name: string, work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) =>
    // Without one the reference answers with a tracer of its own, which tells nobody.
    Context.getOrUndefined(fiber.context, Tracer.Tracer) === undefined
      ? work
      : // `withSpan` provides the only service that it takes away.
        (Effect.withSpan(work, name) as Effect.Effect<A, E, R>)
  )
