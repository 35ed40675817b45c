/**
 * CountedLedger: Postgres's ledger, which counts what a worker asks of it and what it answers. The kernel
 * knows nothing of it.
 *
 * - `claimed`, `lane_busy`, `stale_guard`, …: the verdicts of claims of their own
 * - `along_sent`, `along_claimed`: claims that went with a settlement, and those that it was given
 * - `given_up`: settlements of attempts that never started, as `Workers` sends them
 * - `turn`: looks at the line that said that it is this worker's turn
 * - `called`, `uncalled`: waits that a notification ended, and those that ran out
 * - `unavailable`: statements without an answer
 *
 * And how long each kind of statement took, with its wait for a connection.
 */
import { Clock, Effect, Exit, Layer } from "effect"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"
import { Ledger } from "../../src/kernel/Ledger.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"

export interface Counts {
  readonly events: Record<string, number>
  /** Of each kind of statement: how many there were, and their milliseconds together. */
  readonly statements: Record<string, { count: number; millis: number }>
}

/** The ledger that adds to these counts. */
export const layer = ({ events, statements }: Counts) => {
  const count = (name: string) =>
    Effect.sync(() => {
      events[name] = (events[name] ?? 0) + 1
    })
  const timed = <A, E>(name: string, statement: Effect.Effect<A, E>) =>
    Effect.gen(function* () {
      const startedNanos = yield* Clock.monotonicTimeNanos
      const answer = yield* Effect.tapError(statement, () => count("unavailable"))
      const { count: before, millis } = statements[name] ?? { count: 0, millis: 0 }
      const tookMillis = elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos)
      statements[name] = { count: before + 1, millis: millis + tookMillis }
      return answer
    })
  return Layer.effect(
    Ledger,
    Effect.map(Ledger, (ledger) =>
      Ledger.of({
        ...ledger,
        find: (key, pace) => timed("find", ledger.find(key, pace)),
        claim: (claim) =>
          timed(
            "claim",
            Effect.tap(ledger.claim(claim), ({ _tag }) => count(snakeCase(_tag)))
          ),
        settle: (settlement) =>
          Effect.andThen(
            settlement.evidence._tag === "NotPerformed" ? count("given_up") : Effect.void,
            timed("settle", ledger.settle(settlement))
          ),
        settleAndClaim: (settlement, next) =>
          Effect.andThen(
            count("along_sent"),
            timed(
              "settle_and_claim",
              Effect.tap(ledger.settleAndClaim(settlement, next), ({ claimed }) =>
                claimed === undefined ? Effect.void : count("along_claimed")
              )
            )
          ),
        transact: (attempt, effect) => timed("transact", ledger.transact(attempt, effect)),
        look: (entity, place) => timed("look", ledger.look(entity, place)),
        queue: (place, turnMillis) =>
          timed(
            "queue",
            Effect.tap(ledger.queue(place, turnMillis), (isTurn) => (isTurn ? count("turn") : Effect.void))
          ),
        leave: (place) => timed("leave", ledger.leave(place)),
        called: (place) =>
          Effect.onExit(ledger.called(place), (exit) => count(Exit.isSuccess(exit) ? "called" : "uncalled")),
        beat: (worker, leaseMillis) => timed("beat", ledger.beat(worker, leaseMillis))
      })
    )
  ).pipe(Layer.provide(PgLedger.layer))
}

const snakeCase = (tag: string): string =>
  tag.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase()
