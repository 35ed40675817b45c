/**
 * Lanes: an entity's actor. A fiber that is spawned by the first action for the entity, runs what is
 * in its bounded mailbox one at a time in the order of arrival, and goes away when there is nothing
 * left. A million idle entities cost nothing.
 *
 * Work belongs to the lane: it runs in the layer's context and scope, never the caller's, so that no
 * caller's interrupt, time-out or open transaction reaches it. The lane is the fast path and the
 * order within a process; that one action is in flight across processes is the ledger's word.
 */
import { Context, Deferred, Effect, Exit, Layer } from "effect"
import type { EntityAddress } from "../domain/Entity.ts"
import { ShuttingDown } from "../domain/errors.ts"
import { forkOwned } from "./Owned.ts"
import { Settings } from "./Settings.ts"

/** The mailbox is full. `capacity` actions wait already. */
export interface MailboxFull {
  readonly _tag: "MailboxFull"
  readonly capacity: number
}

export class Lanes extends Context.Service<
  Lanes,
  {
    /**
     * Puts a turn into the entity's mailbox and waits until it was taken. Interrupting the wait does
     * not interrupt the turn. Fails with `MailboxFull` where the mailbox is at its bound.
     */
    readonly enter: <A>(
      entity: EntityAddress,
      turn: Effect.Effect<A>
    ) => Effect.Effect<A, MailboxFull | ShuttingDown>
    /** How many entities have a lane now. */
    readonly active: Effect.Effect<number>
  }
>()("fibric/kernel/Lanes") {}

interface Turn {
  readonly run: Effect.Effect<void>
  readonly abandon: () => void
}

/** A lane that exists has a fiber: the map holds the mailboxes of running lanes only. */
type Mailbox = Array<Turn>

export const layer: Layer.Layer<Lanes> = Layer.effect(
  Lanes,
  Effect.gen(function* () {
    const { mailboxCapacity } = yield* Settings
    const scope = yield* Effect.scope
    const context = yield* Effect.context<never>()
    const mailboxes = new Map<string, Mailbox>()

    // Taking the last turn and closing the mailbox are one step: no turn can slip in between.
    const next = (name: string, mailbox: Mailbox): Turn | undefined => {
      const turn = mailbox.shift()
      if (turn === undefined) mailboxes.delete(name)
      return turn
    }

    const drain = (name: string, mailbox: Mailbox): Effect.Effect<void> =>
      Effect.gen(function* () {
        for (let turn = next(name, mailbox); turn !== undefined; turn = next(name, mailbox)) yield* turn.run
      }).pipe(
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            mailboxes.delete(name)
            for (const turn of mailbox.splice(0)) turn.abandon()
          })
        )
      )

    // As with flights: a mailbox whose lane was never started would keep its entity for ever.
    const enter = <A>(entity: EntityAddress, turn: Effect.Effect<A>) =>
      Effect.uninterruptibleMask((restore): Effect.Effect<A, MailboxFull | ShuttingDown> => {
        const name = JSON.stringify([entity.type, entity.id])
        const mailbox = mailboxes.get(name)
        if (mailbox !== undefined && mailbox.length >= mailboxCapacity) {
          return Effect.fail({ _tag: "MailboxFull", capacity: mailboxCapacity } satisfies MailboxFull)
        }
        const taken = Deferred.makeUnsafe<A, ShuttingDown>()
        const entry: Turn = {
          run: Effect.asVoid(
            Effect.exit(Effect.onExit(turn, (exit) => Effect.sync(() => Deferred.doneUnsafe(taken, exit))))
          ),
          abandon: () => Deferred.doneUnsafe(taken, Exit.fail(new ShuttingDown({ underWay: false })))
        }
        if (mailbox !== undefined) {
          mailbox.push(entry)
          return restore(Deferred.await(taken))
        }
        const spawned: Mailbox = [entry]
        mailboxes.set(name, spawned)
        return Effect.andThen(forkOwned(drain(name, spawned), context, scope), restore(Deferred.await(taken)))
      })

    return Lanes.of({ enter, active: Effect.sync(() => mailboxes.size) })
  })
)
