/**
 * trial: one process killed at one point, and what a new request for the same change is answered.
 */
import { Effect, type Redacted, Schema } from "effect"
import { Operator } from "fibric"
import { ask } from "./changes.ts"
import * as Child from "../harness/Child.ts"
import type { OutsideWorld } from "./OutsideWorld.ts"
import type { KillPoint } from "./table.ts"

/** A process was not killed where it should have been: the trial shows nothing. */
export class Void extends Schema.TaggedError<Void>()("Void", { subject: Schema.String, end: Schema.String }) {
  override get message() {
    return `The victim of ${this.subject} was not killed at its point: ${this.end}.`
  }
}

/** What a new request came to: the receipt of what happened, a doubt, or another error by its tag. */
export type Heard = "receipt" | "in doubt" | { readonly error: string }

/** What a trial's change is done to: its name, unlike any other trial's. */
export const subjectOf = ({ point, recovery }: KillPoint, number: number): string =>
  `${recovery}-${point}-${number}`

/** Starts a victim and sees it die at its point. Fails with `Void` where it does not. */
export const kill = Effect.fnUntraced(function* (
  killPoint: KillPoint,
  subject: string,
  where: {
    readonly url: Redacted.Redacted<string>
    readonly world: OutsideWorld
    readonly compiled: Redacted.Redacted<string>
  }
) {
  const { point, recovery } = killPoint
  const victim = yield* Child.start(
    new URL("./victim.ts", import.meta.url),
    [recovery, point, subject, `${where.world.port}`],
    {
      DATABASE_URL: where.url,
      NODE_COMPILE_CACHE: where.compiled
    }
  )
  const { code, signal } = yield* victim.end
  const said = yield* victim.nextLine
  if (signal !== "SIGKILL" || said !== point) {
    return yield* new Void({ subject, end: `it said ${said}, and ended with ${signal ?? code}` })
  }
}, Effect.scoped)

/** How long a doubt may take to settle by itself before the trial takes it as it is. */
const settleMillis = 20_000

const pauseMillis = 100

/**
 * Asks for the change again, in this process, until it is settled, or until there is nothing more to
 * expect: a person would have to decide, or the recovery has looked and found nothing.
 */
export const askAgain = Effect.fnUntraced(
  function* ({ recovery }: KillPoint, subject: string, world: OutsideWorld) {
    while (true) {
      // The second lookup begins when the first has been taken note of: the answer below knows of it.
      const { lookups } = yield* world.counts(subject)
      const heard = yield* hear(ask(recovery, subject))
      if (heard !== "in doubt" || recovery === "hold" || lookups >= 2) return heard
      yield* Effect.sleep(pauseMillis)
    }
  },
  Effect.timeoutOrElse({ duration: settleMillis, orElse: () => Effect.succeed<Heard>("in doubt") })
)

const hear = <A, E extends { readonly _tag: string }, R>(request: Effect.Effect<A, E, R>) =>
  request.pipe(
    Operator.as("survivor"),
    Effect.match({
      onSuccess: (): Heard => "receipt",
      onFailure: ({ _tag }): Heard => (_tag === "InDoubt" ? "in doubt" : { error: _tag })
    })
  )
