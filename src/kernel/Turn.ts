/**
 * Turn: an action at the head of its entity's lane.
 *
 *     still valid? ─▶ Wanted.find ─▶ Claiming.claim ─▶ Dispatch.perform
 *                        ▲    │           │
 *                        └────┴───────────┘  not free yet: wait in line, then look and ask again
 *
 * What is found out here is always about now: whatever made it wait may have changed what is wanted.
 */
import { Effect } from "effect"
import type { Ask } from "./Ask.ts"
import type * as Calls from "./Calls.ts"
import type * as Claiming from "./Claiming.ts"
import * as Conclusion from "./Conclusion.ts"
import type * as Dispatch from "./Dispatch.ts"
import type { Lane, Visit } from "./Lanes.ts"
import { Settings } from "./Settings.ts"
import { millisSince } from "./Stopwatch.ts"
import * as Wanted from "./Wanted.ts"
import { Workers } from "./Workers.ts"

/** The key is no longer what the look before the turn said. */
export const lookAgain = { _tag: "LookAgain" } as const
export type LookAgain = typeof lookAgain

/** What a turn begins with. */
export interface Beginning {
  readonly ask: Ask
  readonly progress: Conclusion.Progress
  /** The attempt that the look before the turn saw; 0 where it saw none. */
  readonly seenAttempt: number
  readonly startedNanos: bigint
}

interface Parts {
  readonly calls: Calls.Calls
  readonly claiming: Effect.Success<typeof Claiming.make>
  readonly dispatch: Effect.Success<ReturnType<typeof Dispatch.make>>
}

/** Another round of the turn. */
const again = { _tag: "Again" } as const

/** Nothing has changed since the lane was busy. */
const laneBusy = { _tag: "LaneBusy" } as const

/** Whether a claim of it can be made without a look at anything: no state and no program decides about it. */
export const dependsOnNothing = (ask: Ask): boolean => ask.root === null && !Wanted.dependsOnState(ask)

export const make = Effect.fnUntraced(function* ({ calls, claiming, dispatch }: Parts) {
  const workers = yield* Workers
  const settings = yield* Settings
  const wanted = yield* Wanted.make(calls)

  /** Claims, on the state that the action was found to be wanted on, and performs. */
  const claimAndPerform = Effect.fnUntraced(function* (
    { ask, progress }: Beginning,
    lane: Lane,
    prepared: Claiming.Prepared,
    along: Claiming.Along | undefined
  ) {
    const { attempt } = prepared
    // While its answer is outstanding the claim may have landed: that is under way, not turned away.
    progress.dispatched = true
    const verdict = along?.claimed ?? (yield* claiming.claim(prepared, along?.mayHaveLanded === true))
    progress.dispatched = verdict._tag === "Claimed"
    switch (verdict._tag) {
      case "Claimed": {
        yield* lane.arrived
        const { nextAlong } = lane
        const receipt = yield* dispatch.perform(ask, attempt, verdict, { operator: ask.operator, nextAlong })
        return receipt === undefined ? lookAgain : Conclusion.fromSettlement(ask, receipt)
      }
      case "Exists":
        return lookAgain
      case "LaneHeld":
        return Conclusion.laneHeld(ask, verdict)
      case "RootEnded":
        return Conclusion.rootEnded()
      case "WorkerExpired":
        yield* workers.renew(attempt.worker)
        return again
      case "LaneBusy":
        return verdict
      case "StaleGuard":
        return again
    }
  })

  const round = (beginning: Beginning, lane: Lane, tries: number) => {
    const along = tries === 0 ? lane.along : undefined
    if (along !== undefined) return claimAndPerform(beginning, lane, along, along)
    return Effect.flatMap(workers.incarnation, (worker) =>
      Effect.flatMap(wanted.find(beginning.ask, worker), (found) => goBy(beginning, lane, found))
    )
  }

  const goBy = (beginning: Beginning, lane: Lane, found: Wanted.Found) => {
    const { ask, seenAttempt } = beginning
    switch (found._tag) {
      case "Superseded":
        return Effect.succeed(Conclusion.superseded(ask, found.reason, found.version))
      case "GuardFailed":
        return Effect.succeed(Conclusion.guardFailed(ask, found.reason))
      case "LaneHeld":
        return Effect.succeed(Conclusion.laneHeld(ask, found))
      case "LaneBusy":
        return Effect.succeed(found)
      case "Wanted":
        return Effect.flatMap(claiming.prepare(ask, seenAttempt, found.basis), (prepared) =>
          claimAndPerform(beginning, lane, prepared, undefined)
        )
    }
  }

  /** What ended the waiting before its turn came: a later action, or its own validity. */
  const cutShort = ({ ask, startedNanos }: Beginning, lane: Lane) =>
    Effect.map(millisSince(startedNanos), (waitedMillis) => {
      if (lane.isReplaced()) return Conclusion.superseded(ask, "a later action took its place", null)
      return waitedMillis > ask.capability.validityMillis ? Conclusion.expired(ask, waitedMillis) : undefined
    })

  const turn = Effect.fnUntraced(
    function* (beginning: Beginning, lane: Lane) {
      const { ask } = beginning
      let isTurn = true
      for (let tries = 0; ; tries++) {
        // What was claimed along may be under way: it is for the ledger to say no to it.
        const isClaimed = lane.along !== undefined && tries === 0
        const cut = isClaimed ? undefined : yield* cutShort(beginning, lane)
        if (cut !== undefined) return cut
        const ended = isTurn ? yield* round(beginning, lane, tries) : laneBusy
        if (ended._tag === "Again") yield* Effect.sleep(tries === 0 ? 0 : settings.pollMillis)
        else if (ended._tag !== "LaneBusy") return ended
        else if (ask.capability.whenBusy === "reject") return Conclusion.laneBusy(ask)
        else isTurn = yield* lane.waitInLine(yield* workers.incarnation, tries)
      }
    },
    Effect.catchTag("LedgerUnavailable", (error) => Effect.succeed(Conclusion.unrecorded(error)))
  )

  /** What can be claimed in one commit with the settlement before it: what no state decides about. */
  const along = Effect.fnUntraced(function* (beginning: Beginning) {
    const { ask, progress, seenAttempt } = beginning
    const waitedMillis = yield* millisSince(beginning.startedNanos)
    const isOver = waitedMillis > ask.capability.validityMillis
    if (!dependsOnNothing(ask) || isOver || seenAttempt !== 0) return undefined
    const prepared = yield* claiming.prepare(ask, seenAttempt, null)
    progress.dispatched = true
    const sent: Claiming.Along = { ...prepared, claimed: undefined, mayHaveLanded: false }
    return sent
  })

  /** The turn as a visit to its lane. */
  const visit = (beginning: Beginning): Visit<Conclusion.Conclusion | LookAgain> => {
    const { name, whenBusy } = beginning.ask.capability
    return {
      turn: (lane) => turn(beginning, lane),
      along: along(beginning),
      rejects: whenBusy === "reject",
      replaces: whenBusy === "latest" ? name : undefined
    }
  }

  return { visit }
})
