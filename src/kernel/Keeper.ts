/**
 * Keeper: seals what has been written and makes the months ahead, in the background of every runtime.
 *
 * Of several processes one seals at a time; the others find nothing to do. It decides nothing about any
 * action: when it fails it says so and tries again, and receipts are written all the same.
 */
import { Effect, Layer } from "effect"
import type { LedgerUnavailable } from "../domain/errors.ts"
import { again } from "./Background.ts"
import { Retention } from "./Retention.ts"
import { Seals } from "./Seals.ts"
import { Settings } from "./Settings.ts"
import { emit } from "./telemetry/Events.ts"

/** How many receipts a seal is over at most, but for those of the last transaction. */
export const mostReceipts = 20_000

/** How many months are made ahead. */
export const monthsAhead = 3

const lookForMonths = "6 hours"

export const layer: Layer.Layer<never, never, Seals | Retention> = Layer.effectDiscard(
  Effect.gen(function* () {
    const seals = yield* Seals
    const retention = yield* Retention
    const { sealMillis } = yield* Settings
    // What could not be sealed in time as one range may be as several.
    let most = mostReceipts

    const sealAll = Effect.gen(function* () {
      while (true) {
        const sealed = yield* Effect.tapError(seals.sealNext(sealMillis, most), () =>
          Effect.sync(() => {
            most = Math.max(100, Math.floor(most / 4))
          })
        )
        most = Math.min(mostReceipts, most * 2)
        if (sealed === undefined) return
        yield* emit("fibric.sealed", {
          "fibric.seal.number": sealed.number,
          "fibric.seal.rows": sealed.rows,
          "fibric.seal.receipts": sealed.receipts,
          "fibric.seal.folded": sealed.folded
        })
      }
    })

    const makeMonths = Effect.flatMap(retention.makeMonths(monthsAhead), (made) =>
      made.length === 0 ? Effect.void : emit("fibric.months.made", { "fibric.months": made.join(", ") })
    )

    yield* again("fibric.seal.failed", Math.max(1_000, sealMillis / 5), whereAllowed(seals.maySeal, sealAll))
    yield* again("fibric.months.failed", lookForMonths, whereAllowed(retention.mayMakeMonths, makeMonths))
  })
)

/** Does it where the role may. */
const whereAllowed = (
  allowed: Effect.Effect<boolean, LedgerUnavailable>,
  work: Effect.Effect<void, LedgerUnavailable>
) => Effect.flatMap(allowed, (isAllowed) => (isAllowed ? work : Effect.void))
