/**
 * Timers: what is to happen once something has taken too long, for very many somethings that hardly ever do.
 *
 * Those of one length of time end in the order that they began in, so one fiber watches the first of them and
 * all the others cost an entry. Whatever is over in time takes its entry back.
 */
import { Clock, type Context, Effect, Exit, Fiber, type Scope } from "effect"

export interface Timers {
  /** Acts after so many milliseconds, at once and inside of nobody's fiber, unless it is taken back before. */
  readonly after: (millis: number, act: () => void) => Timer
}

export interface Timer {
  readonly takeBack: () => void
}

/** Timers run until the scope closes; then nothing is acted on any more. */
export const make = Effect.fnUntraced(function* (scope: Scope.Scope): Effect.fn.Return<Timers> {
  const context = yield* Effect.context<never>()
  const clock = yield* Clock.Clock
  const nowMillis = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const lines = new Map<number, Set<{ readonly dueMillis: number; readonly act: () => void }>>()

  const watch = Effect.fnUntraced(function* (millis: number) {
    while (true) {
      const line = lines.get(millis)
      const [first] = line ?? []
      if (line === undefined || first === undefined) {
        // Seeing that nothing waits and giving the line up are one step.
        lines.delete(millis)
        return
      }
      const left = first.dueMillis - nowMillis()
      if (left > 0) yield* Effect.sleep(Math.ceil(left))
      else {
        line.delete(first)
        first.act()
      }
    }
  })

  return {
    after: (millis, act) => {
      const entry = { dueMillis: nowMillis() + millis, act }
      const known = lines.get(millis)
      const line = known ?? new Set()
      line.add(entry)
      if (known === undefined) {
        lines.set(millis, line)
        Fiber.runIn(Effect.runForkWith(context)(watch(millis)), scope)
      }
      return { takeBack: () => line.delete(entry) }
    }
  }
})

/**
 * Runs an effect, and interrupts it once it takes longer than so many milliseconds: then what `tooLong` says
 * is its end. It is one fiber, where a race with a clock is two, and a timer of the runtime's besides.
 */
export const within = <A, E, R, E2>(
  timers: Timers,
  millis: number,
  effect: Effect.Effect<A, E, R>,
  tooLong: () => E2
): Effect.Effect<A, E | E2, R> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.callback<A, E | E2>((resume) => {
      let isLate = false
      const fiber = Effect.runForkWith(context)(effect)
      const timer = timers.after(millis, () => {
        isLate = true
        fiber.interruptUnsafe()
      })
      fiber.addObserver((exit) => {
        timer.takeBack()
        // An answer that came in the same moment is an answer.
        resume(isLate && Exit.hasInterrupts(exit) ? Effect.fail(tooLong()) : exit)
      })
      return Effect.suspend(() => {
        timer.takeBack()
        return Fiber.interrupt(fiber)
      })
    })
  )
