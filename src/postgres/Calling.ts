/**
 * Calling: tells workers that wait for a lane that it may have come free, over Postgres's NOTIFY.
 *
 * After the commit and in batches, only where somebody waits: a NOTIFY inside of each settlement would
 * make the settlements wait for each other. It is a hint. A process hears nothing behind a pooler that
 * forbids LISTEN, or while its connection is gone; those who wait look by themselves, a little later.
 */
import { Effect, Queue, type Scope } from "effect"
import { hex } from "../domain/Digest.ts"
import * as Bell from "../kernel/Bell.ts"
import { emit } from "../kernel/telemetry/Events.ts"
import type { Place } from "../kernel/Ledger.ts"
import type { LedgerClient } from "./LedgerClient.ts"
import { callFirst } from "./line.ts"
import type { Freed } from "./settlements.ts"

const channel = "fibric_lane"

/** How many lanes one statement calls for. What does not fit is called for by the next one. */
const batch = 1_000

/** How many freed lanes wait for that at most. Of those beyond, who waits looks by himself. */
const backlog = 10_000

/** The pause before a lost connection is listened on again. */
const listenAgainMillis = 5_000

export interface Calling {
  /**
   * The lane was left by a commit. Who took his place while that commit was under way was not seen by it: so
   * for a lane that was awaited before, it is looked for once more after the last who was seen.
   */
  readonly freed: (freed: Freed) => void
  /** Returns when the worker was called, or never. */
  readonly called: (place: Place) => Effect.Effect<void>
  /** Begins to listen, once, and to what is called to this worker. */
  readonly listen: (worker: string) => Effect.Effect<void>
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
      return yield* Effect.forever(
        Effect.map(Queue.take(notifications), ({ payload }) => {
          // Everybody hears everything.
          if (own.has(payload.slice(payload.indexOf(":") + 1))) bell.ring(payload)
        })
      )
    })
  )
  /** Lanes that somebody waited for when they were left the last time. */
  const awaited = new Set<string>()
  let isListening = false
  // The incarnations of this process: one, and another each time that a lease has run out.
  const own = new Set<string>()

  return {
    freed: ({ isAwaited, lane }) => {
      if (!isAwaited && awaited.size === 0) return
      const name = hex(lane)
      const wasAwaited = awaited.delete(name)
      if (!isAwaited && !wasAwaited) return
      Queue.offerUnsafe(lanes, lane)
      if (isAwaited && awaited.size < backlog) awaited.add(name)
    },
    called: bell.heard,
    listen: (worker) =>
      Effect.suspend(() => {
        own.add(worker)
        if (isListening) return Effect.void
        isListening = true
        const again = Effect.catch(hear, ({ reason }) =>
          Effect.andThen(
            emit("fibric.ledger.not_listening", { "fibric.reason": reason._tag }),
            Effect.sleep(listenAgainMillis)
          )
        )
        return Effect.asVoid(Effect.forkIn(Effect.forever(again), scope))
      })
  }
})
