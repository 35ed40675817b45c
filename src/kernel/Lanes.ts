/**
 * Lanes: an entity's actor. A fiber that is spawned by the first action for the entity, runs what is
 * in its bounded mailbox one at a time in the order of arrival, and goes away when there is nothing
 * left. A million idle entities cost nothing.
 *
 * Work belongs to the lane: it runs in the layer's context and scope, never the caller's, so that no
 * caller's interrupt, time-out or open transaction reaches it. The lane is the fast path and the
 * order within a process. Across processes it has one place in the ledger's line while it waits, which
 * whatever is at its head uses; that one action is in flight is the ledger's word.
 */
import { Context, Deferred, Effect, Exit, Layer, Option } from "effect"
import { hex } from "../domain/Digest.ts"
import { type LedgerUnavailable, ShuttingDown } from "../domain/errors.ts"
import type { Along } from "./Claiming.ts"
import { Ledger } from "./Ledger.ts"
import { startOwned } from "./Owned.ts"
import { Settings } from "./Settings.ts"
import * as Metrics from "./telemetry/Metrics.ts"

/** The mailbox is full. `capacity` actions wait already. */
export interface MailboxFull {
  readonly _tag: "MailboxFull"
  readonly capacity: number
}

/** Something is in the lane, and the visit does not wait. */
export interface Occupied {
  readonly _tag: "Occupied"
}

/** What a visit sees of its lane while it is at the head. */
export interface Lane {
  /**
   * Waits in line with the other workers, for a moment. Answers whether the lane may be free now; the
   * moments grow with the times that it was asked.
   */
  readonly waitInLine: (worker: string, times: number) => Effect.Effect<boolean, LedgerUnavailable>
  /** It has claimed: the lane's place in line is used up. */
  readonly arrived: Effect.Effect<void>
  /** Whether a later visit has taken this one's place. */
  readonly isReplaced: () => boolean
  /** The claim that went along with the settlement before this visit, where one did. */
  readonly along: Along | undefined
  /** What the next visit would claim, to go along with this one's settlement. */
  readonly nextAlong: Effect.Effect<Along | undefined>
}

/** A turn in a lane. */
export interface Visit<A> {
  readonly turn: (lane: Lane) => Effect.Effect<A>
  /** Does not wait where something is in the lane here. */
  readonly rejects?: boolean
  /** Takes the place of those that wait here under the same name. */
  readonly replaces?: string | undefined
  /** What it would claim, if that could go along with the settlement before it. */
  readonly along?: Effect.Effect<Along | undefined>
}

export class Lanes extends Context.Service<
  Lanes,
  {
    /**
     * Puts a turn into the lane's mailbox and waits until it was taken. Interrupting the wait does
     * not interrupt the turn. Fails with `MailboxFull` where the mailbox is at its bound.
     */
    readonly enter: <A>(
      lane: Uint8Array,
      visit: Visit<A>
    ) => Effect.Effect<A, MailboxFull | Occupied | ShuttingDown>
    /** Whether nothing is in the lane here. */
    readonly isEmpty: (lane: Uint8Array) => boolean
    /** Whether somebody waits in the lane here, before whom nobody else comes. */
    readonly isCrowded: (lane: Uint8Array) => boolean
    /** How many lanes there are now. */
    readonly active: Effect.Effect<number>
  }
>()("fibric/kernel/Lanes") {}

interface Entry {
  readonly run: (lane: Mailbox) => Effect.Effect<unknown>
  readonly abandon: () => void
  readonly replaces: string | undefined
  readonly offer: Effect.Effect<Along | undefined>
  /** Set once its claim has been sent along: from then on it may be under way. */
  along: Along | undefined
  isReplaced: boolean
}

/** A lane that exists has a fiber: the map holds the mailboxes of running lanes only. */
interface Mailbox {
  readonly hash: Uint8Array
  readonly waiting: Array<Entry>
  current: Entry | undefined
  /** The worker in whose name the lane has a place in line. */
  inLineAs: string | undefined
  /** How many claims in a row went along with a settlement. */
  kept: number
}

export const layer: Layer.Layer<Lanes, never, Ledger> = Layer.effect(
  Lanes,
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const settings = yield* Settings
    const scope = yield* Effect.scope
    const context = yield* Effect.context<never>()
    const mailboxes = new Map<string, Mailbox>()

    const waitInLine = Effect.fnUntraced(function* (mailbox: Mailbox, worker: string, times: number) {
      const place = { lane: mailbox.hash, worker }
      if (mailbox.inLineAs === worker) {
        // Who is not called may have come while the lane was being left; later that is not to be expected.
        const pause = settings.pollMillis * 4 ** Math.min(times, 10)
        const called = yield* Effect.timeoutOption(
          ledger.called(place),
          Math.min(pause, settings.maxPollMillis)
        )
        if (Option.isSome(called)) return true
      }
      // Also to see to it that whoever is first, and does not come, holds nobody up.
      const isTurn = yield* ledger.queue(place, settings.turnMillis)
      mailbox.inLineAs = worker
      return isTurn
    })

    const leaveLine = Effect.fnUntraced(function* (mailbox: Mailbox) {
      const worker = mailbox.inLineAs
      mailbox.inLineAs = undefined
      // A place that stays is void with its worker, and costs the others one turn until then.
      if (worker !== undefined) yield* Effect.ignore(ledger.leave({ lane: mailbox.hash, worker }))
    })

    const laneOf = (mailbox: Mailbox, entry: Entry): Lane => ({
      waitInLine: (worker, times) => waitInLine(mailbox, worker, times),
      arrived: Effect.sync(() => {
        mailbox.inLineAs = undefined
        mailbox.kept = entry.along === undefined ? 0 : mailbox.kept + 1
      }),
      isReplaced: () => entry.isReplaced,
      along: entry.along,
      nextAlong: Effect.suspend(() => {
        const [next] = mailbox.waiting
        if (next === undefined || next.isReplaced || mailbox.kept >= settings.keepLane) {
          return Effect.undefined
        }
        return Effect.tap(next.offer, (along) =>
          Effect.sync(() => {
            next.along = along
          })
        )
      })
    })

    const drain = (name: string, mailbox: Mailbox): Effect.Effect<void> =>
      Effect.gen(function* () {
        while (true) {
          mailbox.current = mailbox.waiting.shift()
          if (mailbox.current !== undefined) {
            Metrics.waits(-1, context)
            yield* mailbox.current.run(mailbox)
          } else if (mailbox.inLineAs !== undefined) yield* leaveLine(mailbox)
          else {
            // Seeing that nothing waits and closing the mailbox are one step: no turn can slip in between.
            mailboxes.delete(name)
            return
          }
        }
      })

    /** Runs a lane until nothing waits in it; who waits when it is cut off hears of that. */
    const run = (name: string, mailbox: Mailbox): void => {
      startOwned(drain(name, mailbox), context, scope).addObserver((exit) => {
        if (Exit.isSuccess(exit)) return
        mailboxes.delete(name)
        Metrics.waits(-mailbox.waiting.length, context)
        for (const entry of mailbox.waiting.splice(0)) entry.abandon()
      })
    }

    const replace = (mailbox: Mailbox, name: string | undefined): void => {
      if (name === undefined) return
      for (const entry of [mailbox.current, ...mailbox.waiting]) {
        if (entry?.replaces === name && entry.along === undefined) entry.isReplaced = true
      }
    }

    const entryOf = <A>(visit: Visit<A>, taken: Deferred.Deferred<A, ShuttingDown>): Entry => {
      const entry: Entry = {
        run: (mailbox) =>
          Effect.suspend(() => visit.turn(laneOf(mailbox, entry))).pipe(
            Effect.onExit((exit) => {
              // First: whoever hears of the end and asks again must not find the lane occupied by it.
              mailbox.current = undefined
              Deferred.doneUnsafe(taken, exit)
              return Effect.void
            }),
            Effect.exit
          ),
        abandon: () =>
          Deferred.doneUnsafe(taken, Exit.fail(new ShuttingDown({ underWay: entry.along !== undefined }))),
        replaces: visit.replaces,
        offer: visit.along ?? Effect.undefined,
        along: undefined,
        isReplaced: false
      }
      return entry
    }

    // As with flights, one step: a mailbox whose lane was never started would keep its entity for ever.
    const enter = <A>(hash: Uint8Array, visit: Visit<A>) =>
      Effect.suspend((): Effect.Effect<A, MailboxFull | Occupied | ShuttingDown> => {
        const name = hex(hash)
        const mailbox = mailboxes.get(name)
        const occupied = mailbox?.current !== undefined || (mailbox?.waiting.length ?? 0) > 0
        if (occupied && visit.rejects === true) {
          return Effect.fail({ _tag: "Occupied" } satisfies Occupied)
        }
        const { mailboxCapacity } = settings
        if (mailbox !== undefined && mailbox.waiting.length >= mailboxCapacity) {
          return Effect.fail({ _tag: "MailboxFull", capacity: mailboxCapacity } satisfies MailboxFull)
        }
        // Not before it has a place of its own: who is turned away must not take anybody's.
        if (mailbox !== undefined) replace(mailbox, visit.replaces)
        const taken = Deferred.makeUnsafe<A, ShuttingDown>()
        const entry = entryOf(visit, taken)
        Metrics.waits(1, context)
        if (mailbox !== undefined) {
          mailbox.waiting.push(entry)
          return Deferred.await(taken)
        }
        const spawned: Mailbox = { hash, waiting: [entry], current: undefined, inLineAs: undefined, kept: 0 }
        mailboxes.set(name, spawned)
        run(name, spawned)
        return Deferred.await(taken)
      })

    const isEmpty = (lane: Uint8Array): boolean => !mailboxes.has(hex(lane))
    const isCrowded = (lane: Uint8Array): boolean => (mailboxes.get(hex(lane))?.waiting.length ?? 0) > 0

    return Lanes.of({ enter, isEmpty, isCrowded, active: Effect.sync(() => mailboxes.size) })
  })
)
