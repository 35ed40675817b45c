/**
 * Waits: who waits for whom, so that two entities which wait for each other hear of it instead of
 * hanging. An entity waits while an action in its lane has asked for an action of another entity.
 *
 * Each such waiting is noted in the ledger first and looked at second: of several that close a circle
 * together, in whatever processes, the last one to be noted sees all of it.
 */
import { Effect } from "effect"
import * as Entity from "../domain/Entity.ts"
import type { LedgerUnavailable } from "../domain/errors.ts"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import * as Identifiers from "../domain/Identifiers.ts"
import { WouldDeadlock } from "../domain/lane-errors.ts"
import type { Ask } from "./Ask.ts"
import { confirmRetry } from "./Claiming.ts"
import { Ledger } from "./Ledger.ts"
import { type Recorder, standsOnNothing } from "./Recorder.ts"
import { Workers } from "./Workers.ts"

export const make = Effect.fnUntraced(function* (recorder: Recorder) {
  const ledger = yield* Ledger
  const workers = yield* Workers

  const refuse = Effect.fnUntraced(function* (
    ask: Ask,
    inside: IdempotencyKey
  ): Effect.fn.Return<never, WouldDeadlock | LedgerUnavailable> {
    const { key, operator } = ask
    const reason = `it would wait for itself: asked for from inside ${inside.label}`
    const repeat = { ...standsOnNothing, key, outcome: "denied", operator, count: 1, reason } as const
    yield* recorder.record([repeat])
    return yield* new WouldDeadlock({
      key: key.label,
      entity: Entity.label(key.entity),
      inside: inside.label
    })
  })

  /** Runs a waiting for an ask from inside another key's turn, or fails where it would never end. */
  const during = <A, E>(
    inside: IdempotencyKey,
    ask: Ask,
    wait: Effect.Effect<A, E>
  ): Effect.Effect<A, E | WouldDeadlock | LedgerUnavailable> => {
    if (Buffer.compare(inside.entityHash, ask.key.entityHash) === 0) return refuse(ask, inside)
    return Effect.gen(function* () {
      const id = yield* Identifiers.token
      const waiting = {
        id,
        worker: yield* workers.incarnation,
        inside: inside.entityHash,
        awaits: ask.key.entityHash
      }
      return yield* Effect.retry(ledger.waitFor(waiting), confirmRetry).pipe(
        Effect.flatMap((isCircle): Effect.Effect<A, E | WouldDeadlock | LedgerUnavailable> =>
          isCircle ? refuse(ask, inside) : wait
        ),
        Effect.ensuring(Effect.ignore(Effect.retry(ledger.waitNoMore(id), confirmRetry)))
      )
    })
  }

  return { during }
})
