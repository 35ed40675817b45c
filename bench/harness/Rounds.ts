/**
 * Rounds: subjects run after each other on a machine that others use too. A round runs all of them, with
 * the gauge first and last; where the gauge differs too much between the two, something else was going
 * on, and the round does not count. What counts is a ratio inside a round, never a rate.
 */
import { Console, Effect, Schema } from "effect"

/** How far two runs of the gauge may lie apart. */
const mostApart = 0.15

/** How many rounds are run at most for one that is to be kept. */
const triesPerRound = 3

/** The machine was never quiet for long enough. */
class Restless extends Schema.TaggedError<Restless>()("Restless", {
  contest: Schema.String,
  kept: Schema.Int,
  wanted: Schema.Int,
  tries: Schema.Int
}) {
  override get message() {
    return `${this.contest}: of ${this.tries} rounds only ${this.kept} were quiet enough, ${this.wanted} are wanted. Something else uses this machine; run it again later.`
  }
}

export interface Contest<Round, E, R> {
  readonly name: string
  /** One round, and the two rates of its gauge; only one where nothing is to be discarded. */
  readonly round: (number: number) => Effect.Effect<Round & { readonly gauge: ReadonlyArray<number> }, E, R>
}

/** So many rounds that were quiet enough. */
export const run = Effect.fnUntraced(function* <Round, E, R>(
  { name, round }: Contest<Round, E, R>,
  wanted: number
) {
  const kept: Array<Round & { readonly gauge: ReadonlyArray<number> }> = []
  const most = wanted * triesPerRound
  for (let tries = 0; kept.length < wanted; tries++) {
    if (tries === most) return yield* new Restless({ contest: name, kept: kept.length, wanted, tries })
    const seen = yield* round(tries)
    // Of fewer than two nothing is known.
    const apart = seen.gauge.length < 2 ? 0 : 1 - Math.min(...seen.gauge) / Math.max(...seen.gauge)
    const isQuiet = apart <= mostApart
    if (isQuiet) kept.push(seen)
    yield* Console.error(
      `${name} ${kept.length}/${wanted}: the gauge moved by ${Math.round(apart * 100)} %${isQuiet ? "" : ", not counted"}`
    )
  }
  return kept
})
