/**
 * Calling: tells workers that wait for a lane that it may have come free, over Postgres's NOTIFY.
 *
 * After the commit and in batches, only where somebody waits: a NOTIFY inside of each settlement would
 * make the settlements wait for each other. It is a hint. A process hears nothing behind a pooler that
 * forbids LISTEN, or while its connection is gone; those who wait look by themselves, a little later.
 */
import { Effect, Queue, type Scope } from "effect"
import * as Bell from "../kernel/Bell.ts"
import type { Place } from "../kernel/Ledger.ts"
import type { LedgerClient } from "./LedgerClient.ts"
import { callFirst } from "./line.ts"

const channel = "fibric_lane"

/** How many lanes one statement calls for. What does not fit is called for by the next one. */
const batch = 1_000

/** How many freed lanes wait for that at most. Of those beyond, who waits looks by himself. */
const backlog = 10_000

/** The pause before a lost connection is listened on again. */
const listenAgainMillis = 5_000

export interface Calling {
  /** The lane was left by a commit, and somebody waits for it. */
  readonly freed: (lane: Uint8Array) => void
  /** Returns when the worker was called, or never. */
  readonly called: (place: Place) => Effect.Effect<void>
  /** Begins to listen, once. */
  readonly listen: Effect.Effect<void>
}

export const make = Effect.fnUntraced(function* ({
  confirmed,
  sql
}: LedgerClient["Service"]): Effect.fn.Return<Calling, never, Scope.Scope> {
  const bell = Bell.make()
  const lanes = yield* Queue.dropping<Uint8Array>(backlog)
  const scope = yield* Effect.scope

  const call = Effect.gen(function* () {
    const freed = yield* Queue.takeBetween(lanes, 1, batch)
    yield* Effect.ignore(confirmed("call", callFirst(sql, channel, freed)))
  })
  yield* Effect.forkScoped(Effect.forever(call))

  const hear = Effect.scoped(
    Effect.gen(function* () {
      const notifications = yield* sql.listen(channel)
      return yield* Effect.forever(Effect.map(Queue.take(notifications), ({ payload }) => bell.ring(payload)))
    })
  )
  let isListening = false

  return {
    freed: (lane) => void Queue.offerUnsafe(lanes, lane),
    called: bell.heard,
    listen: Effect.suspend(() => {
      if (isListening) return Effect.void
      isListening = true
      const again = Effect.catch(hear, ({ reason }) =>
        Effect.andThen(
          Effect.logDebug("fibric.ledger.not_listening", reason._tag),
          Effect.sleep(listenAgainMillis)
        )
      )
      return Effect.asVoid(Effect.forkIn(Effect.forever(again), scope))
    })
  }
})
