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
 *                 ▼ Turn
 *                 │ Wanted.find       the guard: still wanted, against the state as it is now?
 *                 │ Claiming.claim    one durable statement, the dispatch mark
 *                 │ Dispatch.perform  call the connector, up to its deadline; settle with the receipt
 *                 ▼
 *               Answer.read           the receipt, in the capability's own types
 *
 * Read it from top to bottom. The only way back is to look again, when the ledger moved between the
 * look and the turn. The ledger owns the truth; a caller owns nothing but its own waiting.
 */
import { Clock, Context, type Duration, Effect, Exit, Layer, Option, Result, Schedule, Scope } from "effect"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import type * as Entity from "../domain/Entity.ts"
import type { InvalidKey, LedgerUnavailable } from "../domain/errors.ts"
import type { ExecuteError } from "../domain/execute-error.ts"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import type { StateUnreadable } from "../domain/lane-errors.ts"
import * as Operator from "../domain/Operator.ts"
import type { Performed, Receipt } from "../domain/Receipt.ts"
import { UnknownKey } from "../domain/verdict-errors.ts"
import * as Answer from "./Answer.ts"
import * as Ask from "./Ask.ts"
import * as Caller from "./Caller.ts"
import * as Calls from "./Calls.ts"
import * as Claiming from "./Claiming.ts"
import * as Conclusion from "./Conclusion.ts"
import type { Connectors } from "./Connectors.ts"
import * as Dispatch from "./Dispatch.ts"
import * as Flights from "./Flights.ts"
import type { Handler } from "./Handler.ts"
import { Inside } from "./Inside.ts"
import { Lanes } from "./Lanes.ts"
import { Ledger } from "./Ledger.ts"
import * as Recorder from "./Recorder.ts"
import { retried } from "./Retrying.ts"
import type { ProgramCall } from "./Sealed.ts"
import { Settings } from "./Settings.ts"
import * as States from "./States.ts"
import type { EntityState } from "./States.ts"
import { millisSince } from "./Stopwatch.ts"
import { traced } from "./telemetry/Spans.ts"
import * as Turn from "./Turn.ts"
import * as Waits from "./Waits.ts"
import type { Workers } from "./Workers.ts"

export type { ExecuteError } from "../domain/execute-error.ts"

/** How somebody asks. */
export interface ExecuteOptions {
  /**
   * How long the caller waits. Then it gets `InProgress` and the action goes on without it. Default: until
   * the action has ended, or its validity has.
   */
  readonly patience?: Duration.Input
}

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
      action: Action<C>,
      options?: ExecuteOptions
    ) => Effect.Effect<Performed<C["success"]["Type"]>, C["error"]["Type"] | ExecuteError, Handler<C["name"]>>
    /** The receipt that stands for a key now; `None` while nothing has become of it. Asks nothing of anybody. */
    readonly receiptOf: (key: IdempotencyKey) => Effect.Effect<Option.Option<Receipt>, LedgerUnavailable>
    /**
     * The receipt of a key once its attempt under way, here or elsewhere, has ended; at once where none
     * is. Look at its outcome: it can be a doubt. Fails with `UnknownKey` where nobody has claimed it.
     */
    readonly awaitReceipt: (key: IdempotencyKey) => Effect.Effect<Receipt, UnknownKey | LedgerUnavailable>
    /**
     * An entity's state as the last settlement left it, to decide by. The version goes with what is
     * decided (`propose(…, { decidedAt })`): it is superseded where the state has changed since.
     */
    readonly stateOf: <Type extends string, State>(
      entity: Entity.Entity<Type, State>,
      address: Entity.EntityAddress<NoInfer<Type>>
    ) => Effect.Effect<EntityState<State>, InvalidKey | StateUnreadable | LedgerUnavailable>
  }
>()("fibric/kernel/Executor") {}

/** Performs an action through the executor in the context. See `Executor.execute`. */
export const execute = <C extends Capability.Any>(
  action: Action<C>,
  options?: ExecuteOptions
): Effect.Effect<
  Performed<C["success"]["Type"]>,
  C["error"]["Type"] | ExecuteError,
  Executor | Handler<C["name"]>
> => Effect.flatMap(Executor, (executor) => executor.execute(action, options))

/** The receipt that stands for a key now. See `Executor.receiptOf`. */
export const receiptOf = (
  key: IdempotencyKey
): Effect.Effect<Option.Option<Receipt>, LedgerUnavailable, Executor> =>
  Effect.flatMap(Executor, (executor) => executor.receiptOf(key))

/** The receipt of a key once its attempt has ended. See `Executor.awaitReceipt`. */
export const awaitReceipt = (
  key: IdempotencyKey
): Effect.Effect<Receipt, UnknownKey | LedgerUnavailable, Executor> =>
  Effect.flatMap(Executor, (executor) => executor.awaitReceipt(key))

/** An entity's state as the last settlement left it. See `Executor.stateOf`. */
export const stateOf = <Type extends string, State>(
  entity: Entity.Entity<Type, State>,
  address: Entity.EntityAddress<NoInfer<Type>>
): Effect.Effect<EntityState<State>, InvalidKey | StateUnreadable | LedgerUnavailable, Executor> =>
  Effect.flatMap(Executor, (executor) => executor.stateOf(entity, address))

type Answered<C extends Capability.Any> = Effect.Effect<
  Performed<C["success"]["Type"]>,
  C["error"]["Type"] | ExecuteError
>

/** The next step of a capability's schedule: it sleeps, or fails where there is none. */
type AnotherTry = (released: unknown) => Effect.Effect<unknown, unknown>

export const layer: Layer.Layer<Executor, never, Ledger | Lanes | Workers | Connectors> = Layer.effect(
  Executor,
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const lanes = yield* Lanes
    const settings = yield* Settings
    const scope = yield* Scope.make()
    const calls = yield* Calls.make(scope)
    const claiming = yield* Claiming.make
    const dispatch = yield* Dispatch.make({
      scope,
      calls,
      steps: (program, operator) => steps(program, operator)
    })
    const turn = yield* Turn.make({ calls, claiming, dispatch })
    const recorder = yield* Recorder.make(scope)
    const waits = yield* Waits.make(recorder)

    const flights = yield* Flights.make(scope, recorder, (ask, progress) => corridor(ask, progress))

    // Everything that the caller's context says is read in one step.
    const request = <C extends Capability.Any>(action: Action<C>, { patience }: ExecuteOptions = {}) =>
      Effect.contextWith((context: Context.Context<never>): Answered<C> => {
        const read = Ask.read(action, Context.get(context, Operator.Current), settings)
        if (Result.isFailure(read)) return Effect.fail(read.failure)
        const ask = read.success
        if (Caller.isInsideTransaction(context)) return Effect.fail(Caller.insideTransaction(ask))
        const inside = Context.get(context, Inside)
        const flight = inside === undefined ? flights.take(ask) : waits.during(inside, ask, flights.take(ask))
        const answered = patience === undefined ? flight : Caller.within(ask, patience, flight)
        return Effect.flatMap(answered, (receipt) => Answer.read(action.capability, receipt))
      })

    const execute = <C extends Capability.Any>(action: Action<C>, options?: ExecuteOptions) =>
      traced("Executor.execute", request(action, options))

    /** A step goes the same way, under its own key, while its program's attempt is current. */
    const steps = (program: Ask.Program, operator: string): ProgramCall["perform"] =>
      Effect.fn("Executor.step")(function* <C extends Capability.Any>(action: Action<C>) {
        const ask = yield* Effect.fromResult(Ask.read(action, operator, settings, program))
        const flight = flights.take(ask)
        // In the program's own entity it waits for nobody but other steps.
        const isOwn = ask.lane !== ask.key.entityHash
        const receipt = yield* isOwn ? flight : waits.during(program.key, ask, flight)
        return yield* Answer.read(action.capability, receipt)
      })

    // Whether the key that was looked for last was new. Then the next one is, more often than not, and its
    // claim says so without a look before. Where it is not new, the claim says that: it costs a look.
    let lastWasNew = false

    // Nor is a look urgent for a key that is taken for new, where others are to come before it anyway.
    const find = Effect.fnUntraced(function* (ask: Ask.Ask) {
      const pace = lastWasNew && lanes.isCrowded(ask.lane) ? "soon" : undefined
      const entry = yield* retried(ledger.find(ask.key, pace), Claiming.confirmRetry)
      lastWasNew = entry === undefined
      return entry
    })

    const isTakenForNew = (ask: Ask.Ask): boolean =>
      lastWasNew && Turn.dependsOnNothing(ask) && lanes.isEmpty(ask.lane)

    const corridor = (ask: Ask.Ask, progress: Conclusion.Progress) =>
      traced("Executor.corridor", corridorOf(ask, progress))

    const corridorOf = Effect.fnUntraced(
      function* (ask: Ask.Ask, progress: Conclusion.Progress) {
        const startedNanos = yield* Clock.monotonicTimeNanos
        let anotherTry: AnotherTry | undefined
        let joined = false
        for (let looks = 0; ; looks++) {
          const entry = looks === 0 && isTakenForNew(ask) ? undefined : yield* find(ask)
          if (entry?.state === "performing" && entry.fingerprint === ask.fingerprint) {
            joined = true
            yield* pause(looks)
            continue
          }
          // What others left rolled back is taken over; what this flight did itself follows its schedule.
          const takesOver =
            !progress.dispatched && entry?.state === "released" && entry.receipt?.proof === "rolled_back"
          const answers =
            entry !== undefined && !takesOver && (joined || progress.dispatched || entry.state !== "released")
          const ended = answers
            ? Conclusion.fromEntry(ask, entry, {
                pathSecret: ledger.pathSecret,
                joined,
                dispatched: progress.dispatched
              })
            : yield* lanes.enter(
                ask.lane,
                turn.visit({ ask, progress, seenAttempt: entry?.attempt ?? 0, startedNanos })
              )
          if (ended._tag === "LookAgain") continue
          if (
            !Conclusion.isReleased(ended) ||
            (yield* millisSince(startedNanos)) > ask.capability.validityMillis
          ) {
            return ended
          }
          anotherTry ??= yield* Schedule.toStepWithSleep(ask.capability.retry)
          if (Exit.isFailure(yield* Effect.exit(anotherTry(ended)))) return ended
          progress.dispatched = false
          joined = false
        }
      },
      (corridor, ask) =>
        Effect.catchTags(corridor, {
          MailboxFull: (full) => Effect.succeed(Conclusion.saturated(ask, full)),
          Occupied: () => Effect.succeed(Conclusion.laneBusy(ask)),
          LedgerUnavailable: (error) => Effect.succeed(Conclusion.unrecorded(error)),
          ShuttingDown: (error) => Effect.succeed(Conclusion.unrecorded(error))
        })
    )

    const pause = (times: number): Effect.Effect<void> =>
      Effect.sleep(Math.min(settings.pollMillis * 2 ** Math.min(times, 10), settings.maxPollMillis))

    const receiptOf = Effect.fn("Executor.receiptOf")(function* (key: IdempotencyKey) {
      const entry = yield* ledger.find(key)
      return Option.fromNullOr(entry === undefined || entry.state === "performing" ? null : entry.receipt)
    })

    const awaitReceipt = Effect.fn("Executor.awaitReceipt")(function* (key: IdempotencyKey) {
      for (let looks = 0; ; looks++) {
        yield* flights.ended(Ask.nameOf(key))
        const entry = yield* retried(ledger.find(key), Claiming.confirmRetry)
        if (entry === undefined) return yield* new UnknownKey({ key: key.label })
        if (entry.state !== "performing" && entry.receipt !== null) return entry.receipt
        yield* pause(looks)
      }
    })

    const states = yield* States.make

    return Executor.of({ execute, receiptOf, awaitReceipt, stateOf: states.stateOf })
  })
)
