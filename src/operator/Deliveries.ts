/**
 * Deliveries: takes what waits in the outbox to the executor, in the name of whoever proposed it.
 *
 *     take ─▶ read back by the capability's name and schema ─▶ execute, renewing the lease ─▶ deliver
 *
 * The outbox owns the order: it gives one row of an entity, and the next one when that has ended. The executor
 * owns the effect: a row that is delivered twice is answered from its key. So a delivery may be lost at any
 * point; nothing here has to be remembered. While a delivery goes on its lease is renewed, because a caller that
 * leaves does not end the flight: if another process delivered the row meanwhile and were told that it is not
 * wanted, the next row would go before a flight that still waits here. What a process says that was frozen for
 * longer than its lease is not heard.
 *
 * Many entities at once, up to a bound; nothing is taken for which there is no room. It looks at once when
 * something was put in this process or has ended here, else at its own pace: a notification in every proposing
 * commit would cost all of them more than that.
 */
import { Clock, Context, Effect, Exit, Fiber, Layer, Queue, Result, Scope } from "effect"
import { type Action, make as makeAction } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import type { LedgerUnavailable } from "../domain/errors.ts"
import * as Operator from "../domain/Operator.ts"
import { jsonOf } from "../domain/PlainCodec.ts"
import type { Receipt } from "../domain/Receipt.ts"
import { orTell } from "../kernel/Background.ts"
import * as Batching from "../kernel/Batching.ts"
import { confirmRetry } from "../kernel/Claiming.ts"
import { Connectors } from "../kernel/Connectors.ts"
import { Executor } from "../kernel/Executor.ts"
import { type Delivered, Outbox, type Taken } from "../kernel/Outbox.ts"
import { forkOwned } from "../kernel/Owned.ts"
import { checkStorable } from "../kernel/Proposing.ts"
import { retried } from "../kernel/Retrying.ts"
import { Settings } from "../kernel/Settings.ts"
import { millisSince } from "../kernel/Stopwatch.ts"
import { emit } from "../kernel/telemetry/Events.ts"
import * as Metrics from "../kernel/telemetry/Metrics.ts"
import * as Ending from "./Ending.ts"
import { about, tell } from "./DeliveryEvents.ts"

export class Deliveries extends Context.Service<
  Deliveries,
  {
    /**
     * Delivers once what is due and what there is room for, and returns when it has: how many rows. The
     * background does the same at its own pace.
     */
    readonly deliverDue: Effect.Effect<number, LedgerUnavailable>
    /** Has the background look now: for whoever has just committed a proposal in this process. */
    readonly lookNow: Effect.Effect<void>
  }
>()("fibric/operator/Deliveries") {}

/** How many endings one statement says at most. */
const maxSaid = 256

export const layer: Layer.Layer<Deliveries, never, Outbox | Executor | Connectors> = Layer.effect(
  Deliveries,
  Effect.gen(function* () {
    const outbox = yield* Outbox
    const executor = yield* Executor
    const connectors = yield* Connectors
    const settings = yield* Settings
    const context = yield* Effect.context<never>()
    const speaking = yield* Scope.make()
    const working = yield* Scope.make()
    const running = new Set<Fiber.Fiber<unknown, unknown>>()
    const bell = yield* Queue.sliding<void>(1)
    const lookNow = Effect.asVoid(Queue.offer(bell, undefined))

    // What is under way is let end, within the bound. What is given back then is taken by others at once.
    yield* Effect.addFinalizer((exit) =>
      Effect.gen(function* () {
        if (settings.drainMillis > 0 && running.size > 0) {
          yield* Effect.timeoutOption(Fiber.awaitAll(running), settings.drainMillis)
        }
        yield* Scope.close(working, exit)
        yield* Scope.close(speaking, exit)
      })
    )

    const { ask: said } = yield* Batching.make<
      { readonly taken: Taken; readonly delivered: Delivered },
      void
    >({
      operation: "deliver",
      scope: speaking,
      maxRows: maxSaid,
      stays: true,
      run: (ended) =>
        Effect.as(
          outbox.deliver(ended),
          ended.map(() => undefined)
        )
    })

    /** Says how it ended. What can't be said is left to the lease. */
    const say = (taken: Taken, delivered: Delivered) =>
      Effect.andThen(tell(taken, delivered), retried(said({ taken, delivered }), confirmRetry))

    const execute = Effect.fn("Deliveries.execute")(function* (taken: Taken, action: Action<Capability.Any>) {
      // That somebody carries it out was seen when it was taken; its types are known to its connector alone.
      const asked = executor.execute(action).pipe(Operator.as(taken.operator)) as unknown as Effect.Effect<
        { readonly receipt: Receipt },
        unknown
      >
      const exit = yield* Effect.exit(asked)
      if (Exit.isFailure(exit) && Exit.hasInterrupts(exit)) return yield* Effect.interrupt
      const nowMillis = yield* Clock.currentTimeMillis
      return yield* Ending.of(exit, { taken, key: action.key, nowMillis }, executor, settings)
    })

    const renewMillis = Math.floor(settings.deliverLeaseMillis / 3)

    const renewing = (taken: Taken) =>
      said({ taken, delivered: { _tag: "Renew", afterMillis: settings.deliverLeaseMillis } }).pipe(
        Effect.ignore,
        Effect.delay(renewMillis),
        Effect.forever
      )

    const deliver = (taken: Taken, capability: Capability.Any | undefined, takenNanos: bigint) =>
      Effect.gen(function* () {
        const action = actionOf(taken, capability)
        if (Result.isFailure(action)) return yield* say(taken, { _tag: "Bury", reason: action.failure })
        // What was frozen since it took the row does not begin with it: it is somebody else's by now, or soon.
        if ((yield* millisSince(takenNanos)) >= 2 * renewMillis) return
        yield* say(taken, yield* Effect.raceFirst(execute(taken, action.success), renewing(taken)))
      }).pipe(
        // By then whatever still waits here has ended with its runtime.
        Effect.onInterrupt(() =>
          Effect.ignore(
            say(taken, {
              _tag: "Again",
              afterMillis: settings.drainMillis,
              reason: "its deliverer has closed"
            })
          )
        ),
        Effect.catch((error) =>
          emit("fibric.outbox.unsaid", { ...about(taken), "fibric.reason": error.message })
        ),
        Metrics.whileDelivering
      )

    /** Takes what there is room for, and begins with it. */
    const begin = Effect.gen(function* () {
      const capabilities = new Map(
        (yield* connectors.capabilities).map((capability) => [capability.name, capability] as const)
      )
      const room = settings.deliverAtOnce - running.size
      if (capabilities.size === 0 || room <= 0) return []
      const takenNanos = yield* Clock.monotonicTimeNanos
      const taken = yield* outbox.take([...capabilities.keys()], room, settings.deliverLeaseMillis)
      return yield* Effect.forEach(taken, (row) =>
        Effect.map(
          forkOwned(deliver(row, capabilities.get(row.capability), takenNanos), context, working),
          (fiber) => {
            running.add(fiber)
            fiber.addObserver(() => {
              running.delete(fiber)
              // There is room, and the entity's next row may be there.
              Queue.offerUnsafe(bell, undefined)
            })
            return fiber
          }
        )
      )
    })

    const deliverDue = Effect.gen(function* () {
      const begun = yield* begin
      yield* Effect.forEach(begun, Fiber.join, { discard: true })
      return begun.length
    })

    const { deliverPollMillis, maxDeliverPollMillis } = settings
    const lookOn = Effect.gen(function* () {
      yield* connectors.first
      let pauseMillis = deliverPollMillis
      while (true) {
        const begun = (yield* orTell("fibric.outbox.look_failed")(begin)) ?? []
        pauseMillis = begun.length > 0 ? deliverPollMillis : Math.min(pauseMillis * 2, maxDeliverPollMillis)
        yield* Effect.timeoutOption(Queue.take(bell), pauseMillis)
      }
    })
    yield* Effect.forkScoped(lookOn)
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(outbox.changed, lookNow)))

    return Deliveries.of({ deliverDue, lookNow })
  })
)

/** The action that was proposed, by the definition that this process has under its name; or why it is none. */
const actionOf = (
  taken: Taken,
  capability: Capability.Any | undefined
): Result.Result<Action<Capability.Any>, string> => {
  if (capability === undefined) return Result.fail(`nothing here carries out "${taken.capability}"`)
  const { type } = capability.entity
  if (taken.entity.type !== type) {
    return Result.fail(
      `"${capability.name}" is for entities of the type "${type}", and this is "${taken.entity.type}"`
    )
  }
  const storable = checkStorable(capability)
  if (Result.isFailure(storable)) return Result.fail(storable.failure.message)
  return jsonOf(capability.payload)
    .decode(taken.payload)
    .pipe(
      // Without the schema's own words: they can hold the payload's values.
      Result.mapError(() => `its payload does not fit the schema of "${capability.name}"`),
      Result.map((payload) => makeAction(capability, taken.entity, payload, taken.decidedAt))
    )
}
