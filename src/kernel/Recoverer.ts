/**
 * Recoverer: does for a key in doubt what its capability declared, in the background and right on start.
 *
 * A resend sends the stored request again, under the same provider key, in the entity's lane; a lookup
 * asks the provider. Each doubt is taken for a while by one process of all; should it die, the doubt is
 * due again. What is done is bounded by the ledger, on its clock; what is learned goes there. What only a
 * person can settle is left alone, counted, and complained of when it gets old.
 */
import { Context, DateTime, Effect, Fiber, Layer, Result, Scope } from "effect"
import type * as Capability from "../domain/Capability.ts"
import type { LedgerUnavailable } from "../domain/errors.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import { messageOf } from "../domain/Text.ts"
import * as Ask from "./Ask.ts"
import { again } from "./Background.ts"
import * as Calls from "./Calls.ts"
import * as Claiming from "./Claiming.ts"
import { Connectors } from "./Connectors.ts"
import * as Dispatch from "./Dispatch.ts"
import { Lanes } from "./Lanes.ts"
import { type Doubt, Ledger } from "./Ledger.ts"
import { forkOwned } from "./Owned.ts"
import { Settings } from "./Settings.ts"
import * as StoredRequest from "./StoredRequest.ts"
import { emit } from "./telemetry/Events.ts"
import * as Metrics from "./telemetry/Metrics.ts"
import { Workers } from "./Workers.ts"

/** How many doubts are counted at most. */
const countedDoubts = 1_000

export class Recoverer extends Context.Service<
  Recoverer,
  {
    /**
     * Deals once with every doubt that is due and that a connector of this runtime carries out. Returns
     * how many it dealt with. The background does the same at its own pace.
     */
    readonly recoverDue: Effect.Effect<number, LedgerUnavailable>
  }
>()("fibric/kernel/Recoverer") {}

export const layer: Layer.Layer<Recoverer, never, Ledger | Lanes | Workers | Connectors> = Layer.effect(
  Recoverer,
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const lanes = yield* Lanes
    const workers = yield* Workers
    const connectors = yield* Connectors
    const settings = yield* Settings
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
    const context = yield* Effect.context<never>()
    const claiming = yield* Claiming.make
    const dispatch = yield* Dispatch.make({
      scope,
      calls: yield* Calls.make(scope),
      // A program is never sent again: it is asked for again.
      steps: () => () => Effect.die("Bug: a recovery runs no program")
    })

    // What has begun is let end, within the bound, before its calls are interrupted.
    const running = new Set<Fiber.Fiber<unknown, unknown>>()
    yield* Effect.addFinalizer(() =>
      settings.drainMillis > 0
        ? Effect.asVoid(Effect.timeoutOption(Fiber.awaitAll(running), settings.drainMillis))
        : Effect.void
    )
    const start = (work: Effect.Effect<void, LedgerUnavailable>) =>
      Effect.map(forkOwned(work, context, scope), (fiber) => {
        running.add(fiber)
        fiber.addObserver(() => running.delete(fiber))
        return fiber
      })

    /** Takes what is due, as much as there is room for, and begins with it. */
    const begin = Effect.gen(function* () {
      const capabilities = new Map(
        (yield* connectors.capabilities).map((capability) => [capability.name, capability] as const)
      )
      const room = settings.recoverBatch - running.size
      if (capabilities.size === 0 || room <= 0) return []
      const due = yield* ledger.takeDue([...capabilities.keys()], room, holdMillis(capabilities))
      return yield* Effect.forEach(due, (doubt) =>
        start(
          Effect.suspend(() => recover(doubt, capabilities.get(doubt.capability))).pipe(
            Effect.catchDefect((defect) => emit("fibric.recovery.died", about(doubt, messageOf(defect))))
          )
        )
      )
    })

    const recoverDue = Effect.gen(function* () {
      const begun = yield* begin
      yield* Effect.forEach(begun, Fiber.join, { discard: true })
      return begun.length
    })

    const recover = (doubt: Doubt, capability: Capability.Any | undefined) => {
      if (capability === undefined) return Effect.void
      // The provider's promise was for code that gives it the key: what sends now does not say so any more.
      if (doubt.recovery._tag === "Resend" && capability.recovery._tag !== "Resend")
        return giveUp(doubt, "its capability no longer declares that it may be sent again")
      const payload = StoredRequest.decode(capability, doubt.request)
      if (Result.isFailure(payload)) return giveUp(doubt, payload.failure)
      const job: Dispatch.Job = {
        capability,
        key: doubt.key,
        lane: doubt.lane,
        name: Ask.nameOf(doubt.key),
        payload: payload.success,
        // What is stored has none.
        secrets: []
      }
      const act =
        doubt.recovery._tag === "Resend"
          ? resend(job, doubt, doubt.recovery.marginMillis)
          : lookUp(job, doubt)
      return act.pipe(
        // The doubt is due again when its holding has run out.
        Effect.catch((error) => emit("fibric.recovery.failed", about(doubt, error.message)))
      )
    }

    /** In the entity's lane, as any action: one at a time, and the ledger has the last word. */
    const resend = (job: Dispatch.Job, doubt: Doubt, marginMillis: number) =>
      lanes
        .enter(job.lane, {
          turn: () =>
            Effect.gen(function* () {
              const { attempt, verdict } = yield* claiming.claimAgain(job, doubt.attempt, marginMillis)
              switch (verdict._tag) {
                case "Claimed":
                  yield* dispatch.perform(job, attempt, verdict, { operator: doubt.operator })
                  return
                case "Exhausted":
                  return yield* giveUp(
                    doubt,
                    "the provider may have forgotten the key, or was asked often enough"
                  )
                case "WorkerExpired":
                  return yield* workers.renew(attempt.worker)
                case "Exists":
                case "LaneBusy":
                case "LaneHeld":
                case "StaleGuard":
                case "RootEnded":
              }
            }).pipe(Effect.result)
        })
        .pipe(
          Effect.flatMap(Effect.fromResult),
          // Both mean: not now.
          Effect.catchTags({
            MailboxFull: () => Effect.void,
            Occupied: () => Effect.void,
            ShuttingDown: () => Effect.void
          })
        )

    const lookUp = Effect.fnUntraced(function* (job: Dispatch.Job, doubt: Doubt) {
      const found = yield* Effect.result(dispatch.lookup(job, doubt))
      if (Result.isFailure(found)) {
        return yield* emit("fibric.recovery.lookup_failed", about(doubt, found.failure))
      }
      const receiptId = yield* Identifiers.ordered
      const event = {
        _tag: "Lookup",
        attempt: doubt.attempt,
        found: found.success,
        startedAtMillis: doubt.readAtMillis
      } as const
      yield* Effect.retry(ledger.apply(job.key, event, receiptId), Claiming.confirmRetry)
    })

    const giveUp = (doubt: Doubt, why: string) =>
      Effect.andThen(
        emit("fibric.recovery.left_to_a_person", about(doubt, why)),
        Effect.retry(ledger.leaveToPerson(doubt.key, doubt.attempt), Claiming.confirmRetry)
      )

    /** Long enough for the longest call that a recovery makes, and for the statements around it. */
    const holdMillis = (capabilities: ReadonlyMap<string, Capability.Any>): number =>
      Math.max(...[...capabilities.values()].map(({ deadlineMillis }) => deadlineMillis)) +
      settings.leaseMillis

    const complained = new Set<string>()
    const watch = Effect.gen(function* () {
      const doubts = yield* ledger.doubts(countedDoubts)
      const ages = doubts.map(({ readAtMillis, since }) => readAtMillis - DateTime.toEpochMillis(since))
      yield* Metrics.doubts(doubts.length, Math.max(0, ...ages))
      const old = doubts.filter((_, index) => (ages[index] ?? 0) >= settings.oldDoubtMillis)
      const names = old.map(({ attempt, key }) => `${Ask.nameOf(key)} ${attempt}`)
      // What is settled is forgotten, so that this stays as small as what is in doubt.
      for (const name of complained) if (!names.includes(name)) complained.delete(name)
      for (const [index, doubt] of old.entries()) {
        const name = names[index] ?? ""
        if (complained.has(name)) continue
        complained.add(name)
        yield* complainOf(doubt)
      }
    })

    yield* again(
      "fibric.recovery.look_failed",
      settings.recoverMillis,
      Effect.andThen(connectors.first, begin)
    )
    yield* again(
      "fibric.recovery.watch_failed",
      Math.max(settings.recoverMillis, settings.oldDoubtMillis / 30),
      watch
    )

    return Recoverer.of({ recoverDue })
  })
)

const complainOf = (doubt: Doubt): Effect.Effect<void> =>
  emit("fibric.doubt.old", {
    ...about(doubt, doubt.reason),
    "fibric.capability": doubt.capability,
    "fibric.since": DateTime.formatIso(doubt.since),
    "fibric.recovery": doubt.recovery._tag
  })

const about = ({ attempt, key }: Doubt, reason: string) => ({
  "fibric.key": key.label,
  "fibric.attempt": attempt,
  "fibric.reason": reason
})
