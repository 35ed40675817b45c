/**
 * Workers: this process's standing with the ledger, and the eye on those that fell silent.
 *
 * A worker has an incarnation, never used again, and a lease that its heartbeat extends on the
 * ledger's clock. Leases decide when a silent row becomes doubtful; they never free one, so a clock
 * jump can create doubt and can't create a duplicate.
 */
import { Clock, Context, Effect, Layer, Schedule, Semaphore } from "effect"
import * as Identifiers from "../domain/Identifiers.ts"
import { again, orTell } from "./Background.ts"
import { neverStarted } from "./Evidence.ts"
import { Ledger, type NewAttempt } from "./Ledger.ts"
import { Settings } from "./Settings.ts"
import { elapsedMillis } from "./Stopwatch.ts"

export class Workers extends Context.Service<
  Workers,
  {
    /** The incarnation to claim under. */
    readonly incarnation: Effect.Effect<string>
    /**
     * Takes a new incarnation where the given one has run out, and says that it is alive. One at a
     * time: those who find the same one expired share its successor.
     */
    readonly renew: (expired: string) => Effect.Effect<void>
    /**
     * The last check before a connector is called, on monotonic time: the attempt was claimed under
     * the incarnation that is alive now, whose confirmed heartbeat is younger than the lease, and the
     * claim is younger than its doubt, each less a margin. `false` means that others may already call
     * the row doubtful, so the call must not start.
     */
    readonly mayStart: (
      attempt: Pick<Attempt, "worker" | "claimSentNanos" | "doubtAfterMillis" | "startWithinMillis">
    ) => Effect.Effect<boolean>
    /**
     * Gives up an attempt whose claim was not confirmed: its call never starts here, whatever is heard
     * of the claim later. The ledger is told so as often as the heart beats, until it has been heard.
     */
    readonly giveUp: (attempt: Attempt) => Effect.Effect<void>
  }
>()("fibric/kernel/Workers") {}

/** An attempt as this process knows it, from before its claim is sent. */
export interface Attempt extends NewAttempt {
  readonly claimSentNanos: bigint
  /** How long after its claim was sent it may start, besides what its own doubt allows. */
  readonly startWithinMillis: number
  /** The entity whose state its success changes; `null` where it changes none, or that is not known here. */
  readonly stateOf: Uint8Array | null
}

/** How many given-up attempts are remembered. The oldest is forgotten first; if its claim lands, it ends in doubt. */
const maxGivenUp = 10_000

/** Registers this process, keeps its lease, and looks for silent rows, until the layer closes. */
export const layer: Layer.Layer<Workers, never, Ledger> = Layer.effect(
  Workers,
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const settings = yield* Settings
    const oneAtATime = yield* Semaphore.make(1)
    let incarnation = yield* Identifiers.token
    let confirmedSentNanos: bigint | undefined

    const beatOnce = Effect.gen(function* () {
      const sentNanos = yield* Clock.monotonicTimeNanos
      const alive = yield* ledger.beat(incarnation, settings.leaseMillis)
      confirmedSentNanos = alive ? sentNanos : undefined
      // An expired incarnation is never revived: its rows may already be called doubtful.
      if (!alive) incarnation = yield* Identifiers.token
      return alive
    })
    /** What never started here is ended there: a claim that landed unheard does not have to become a doubt. */
    const givenUp = new Map<string, Attempt>()
    const reconcile = Effect.suspend(() =>
      Effect.forEach(
        [...givenUp.values()],
        Effect.fnUntraced(function* ({ claimSentNanos, doubtAfterMillis, key, token }) {
          const receiptId = yield* Identifiers.ordered
          const evidence = neverStarted("its claim was not confirmed")
          const applied = yield* ledger.settle({ key, token, receiptId, evidence, durationMillis: 0 })
          const age = elapsedMillis(claimSentNanos, yield* Clock.monotonicTimeNanos)
          // A claim that could still land by now would have become doubtful by itself.
          if (applied._tag !== "Refused" || age > doubtAfterMillis + settings.leaseMillis)
            givenUp.delete(token)
        }),
        { concurrency: 4, discard: true }
      )
    )

    const beat = oneAtATime.withPermit(
      Effect.gen(function* () {
        if (!(yield* beatOnce)) yield* beatOnce
      }).pipe(orTell("fibric.worker.beat_failed"))
    )

    const reap = Effect.gen(function* () {
      let found = settings.reapBatch
      while (found === settings.reapBatch) {
        const ids = yield* Effect.replicateEffect(Identifiers.ordered, settings.reapBatch)
        found = (yield* ledger.reap(ids)).length
      }
    })

    yield* beat
    yield* Effect.forkScoped(
      Effect.repeat(beat, Schedule.spaced(Math.min(settings.beatMillis, settings.leaseMillis / 3)))
    )
    // Beside the heartbeat and never before it: many of these must not cost the lease.
    yield* again("fibric.worker.give_up_failed", settings.beatMillis, reconcile)
    yield* again("fibric.worker.reap_failed", settings.reapMillis, reap)

    return Workers.of({
      incarnation: Effect.sync(() => incarnation),
      renew: (expired) => Effect.suspend(() => (expired === incarnation ? beat : Effect.void)),
      giveUp: (attempt) =>
        Effect.sync(() => {
          const [oldest] = givenUp.size < maxGivenUp ? [] : givenUp.keys()
          if (oldest !== undefined) givenUp.delete(oldest)
          givenUp.set(attempt.token, attempt)
        }),
      mayStart: ({ claimSentNanos, doubtAfterMillis, startWithinMillis, worker }) =>
        Effect.map(
          Clock.monotonicTimeNanos,
          (now) =>
            worker === incarnation &&
            confirmedSentNanos !== undefined &&
            elapsedMillis(confirmedSentNanos, now) < withMargin(settings.leaseMillis) &&
            elapsedMillis(claimSentNanos, now) < withMargin(Math.min(doubtAfterMillis, startWithinMillis))
        )
    })
  })
)

/** A fifth is kept back for clocks that run at different speeds and for the way to the socket. */
const withMargin = (millis: number): number => millis * 0.8
