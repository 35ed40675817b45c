/**
 * Executor: the only way in, and the only thing that may call a connector. Action in, receipt out.
 *
 *     Action ─▶ execute
 *                 │ Ask.read          decode, derive key and fingerprint   (typed errors; nothing durable yet)
 *                 ├─ Flights.take     the same key under way here? ──▶ join its flight
 *                 ▼ corridor
 *                 ├─ Ledger.find      settled, in doubt, another payload? ──▶ that is the answer
 *                 │                   in flight in another process? ──▶ wait for its end
 *                 ├─ Lanes.enter      the entity's lane: one turn at a time
 *                 ▼ turn
 *                 │ Dispatch.claim    one durable statement, the dispatch mark
 *                 │ Dispatch.perform  call the connector, up to its deadline; settle with the receipt
 *                 ▼
 *               Answer.read           the receipt, in the capability's own types
 *
 * Read it from top to bottom. The only way back is to look again, when the ledger moved between the
 * look and the turn. The ledger owns the truth; a caller owns nothing but its own waiting.
 */
import { Clock, Context, Effect, Layer, Scope } from "effect"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import * as Operator from "../domain/Operator.ts"
import type { Performed } from "../domain/Receipt.ts"
import * as Answer from "./Answer.ts"
import * as Ask from "./Ask.ts"
import * as Conclusion from "./Conclusion.ts"
import type { Handler } from "./Connector.ts"
import type { Connectors } from "./Connectors.ts"
import * as Dispatch from "./Dispatch.ts"
import * as Flights from "./Flights.ts"
import { Lanes } from "./Lanes.ts"
import { Ledger } from "./Ledger.ts"
import { Settings } from "./Settings.ts"
import { Workers } from "./Workers.ts"

/** Everything that `execute` can fail with besides the capability's own refusal. */
export type ExecuteError = Ask.Rejection | Conclusion.Unsettled | Answer.Unreadable

export class Executor extends Context.Service<
  Executor,
  {
    /**
     * Performs an action, or answers with what became of it. For each key the effect is dispatched
     * once; every repeat gets the first one's receipt and leaves one of its own, durable before it is
     * answered.
     *
     * Succeeds once the effect is confirmed and its receipt durable. Fails with the capability's
     * refusal, or with a typed error that says whether anything may have happened. Interrupting or
     * timing out the caller never reaches the connector: ask again, and get the receipt.
     */
    readonly execute: <C extends Capability.Any>(
      action: Action<C>
    ) => Effect.Effect<Performed<C["success"]["Type"]>, C["error"]["Type"] | ExecuteError, Handler<C["name"]>>
  }
>()("fibric/kernel/Executor") {}

/** Performs an action through the executor in the context. See `Executor.execute`. */
export const execute = <C extends Capability.Any>(
  action: Action<C>
): Effect.Effect<
  Performed<C["success"]["Type"]>,
  C["error"]["Type"] | ExecuteError,
  Executor | Handler<C["name"]>
> => Effect.flatMap(Executor, (executor) => executor.execute(action))

/** The turn found that the key is no longer what the look said. */
const lookAgain = { _tag: "LookAgain" } as const

export const layer: Layer.Layer<Executor, never, Ledger | Lanes | Workers | Connectors> = Layer.effect(
  Executor,
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const lanes = yield* Lanes
    const workers = yield* Workers
    const settings = yield* Settings
    const scope = yield* Scope.make()
    const dispatch = yield* Dispatch.make(scope)

    const flights = yield* Flights.make(scope, (ask, progress) => corridor(ask, progress))

    const execute = Effect.fn("Executor.execute")(function* <C extends Capability.Any>(action: Action<C>) {
      const ask = yield* Effect.fromResult(Ask.read(action, yield* Operator.Current, settings))
      const receipt = yield* flights.take(ask)
      return yield* Answer.read(action.capability, receipt)
    })

    const corridor = Effect.fn("Executor.corridor")(
      function* (ask: Ask.Ask, progress: Conclusion.Progress) {
        const startedNanos = yield* Clock.monotonicTimeNanos
        let joined = false
        for (let looks = 0; ; looks++) {
          const entry = yield* Effect.retry(ledger.find(ask.key), Dispatch.confirmRetry)
          if (entry?.state === "performing" && entry.fingerprint === ask.fingerprint) {
            joined = true
            yield* pause(looks)
            continue
          }
          if (entry !== undefined && (joined || progress.dispatched || entry.state !== "released")) {
            return Conclusion.fromEntry(ask, entry, {
              pathSecret: ledger.pathSecret,
              joined,
              dispatched: progress.dispatched
            })
          }
          const ended = yield* lanes.enter(
            ask.key.entity,
            turn(ask, progress, entry?.attempt ?? 0, startedNanos)
          )
          if (ended._tag !== "LookAgain") return ended
        }
      },
      (corridor, ask) =>
        Effect.catchTags(corridor, {
          MailboxFull: (full) => Effect.succeed(Conclusion.saturated(ask, full)),
          LedgerUnavailable: (error) => Effect.succeed(Conclusion.unrecorded(error)),
          ShuttingDown: (error) => Effect.succeed(Conclusion.unrecorded(error))
        })
    )

    const turn = Effect.fnUntraced(
      function* (ask: Ask.Ask, progress: Conclusion.Progress, seenAttempt: number, startedNanos: bigint) {
        for (let tries = 0; ; tries++) {
          const waitedMillis = Number((yield* Clock.monotonicTimeNanos) - startedNanos) / 1e6
          if (waitedMillis > ask.capability.validityMillis) return Conclusion.expired(ask, waitedMillis)
          // While its answer is outstanding the claim may have landed: that is under way, not turned away.
          progress.dispatched = true
          const { attempt, verdict } = yield* dispatch.claim(ask, seenAttempt)
          progress.dispatched = verdict._tag === "Claimed"
          switch (verdict._tag) {
            case "Claimed":
              return (yield* dispatch.perform(ask, attempt, verdict)) ?? lookAgain
            case "Exists":
              return lookAgain
            case "LaneHeld":
              return Conclusion.laneHeld(ask, verdict)
            case "LaneBusy":
              yield* pause(tries)
              continue
            case "WorkerExpired":
              yield* workers.renew(attempt.worker)
              yield* pause(tries)
          }
        }
      },
      Effect.catchTag("LedgerUnavailable", (error) => Effect.succeed(Conclusion.unrecorded(error)))
    )

    const pause = (times: number): Effect.Effect<void> =>
      Effect.sleep(Math.min(settings.pollMillis * 2 ** Math.min(times, 10), settings.maxPollMillis))

    return Executor.of({ execute })
  })
)
