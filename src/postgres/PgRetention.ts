/**
 * PgRetention: months made ahead and bodies purged, by functions of the database's in its owner's name.
 */
import { Effect, Layer, Schema } from "effect"
import { Retention } from "../kernel/Retention.ts"
import { LedgerClient } from "./LedgerClient.ts"
import { mayCall } from "./PgSeals.ts"
import { decoded } from "./statements.ts"

/** How many receipts a purge walks at a time. */
const walkedAtOnce = 5_000

const PurgedRow = Schema.Struct({
  up_to: Schema.String,
  bodies: Schema.Int,
  requests: Schema.Int,
  pinned: Schema.Int
})

const decodePurged = Schema.decodeUnknownEffect(Schema.Array(PurgedRow))

export const layer: Layer.Layer<Retention, never, LedgerClient> = Layer.effect(
  Retention,
  Effect.map(LedgerClient, ({ confirmed, sql }) => {
    /** The next part of a purge, after the given transaction; with `null` from where a run before was done. */
    const purgeNext = (olderMillis: number, past: string | null) =>
      sql`
        SELECT up_to::text AS up_to, bodies::float8 AS bodies, requests::float8 AS requests, pinned::float8 AS pinned
        FROM fibric.purge_bodies(${olderMillis}::float8, ${past}::text::xid8, ${walkedAtOnce}::int)`.pipe(
        Effect.flatMap(decodePurged),
        Effect.map(([purged]) => purged),
        decoded
      )

    return Retention.of({
      mayMakeMonths: Effect.suspend(() =>
        confirmed("ask for the right to make months", mayCall(sql, "fibric.make_months(integer)"))
      ),
      makeMonths: Effect.fn("Retention.makeMonths")((ahead) =>
        confirmed(
          "make months",
          Effect.map(
            sql<{ part: string }>`SELECT part FROM fibric.make_months(${ahead}::int) AS part`,
            (rows) => rows.map(({ part }) => part)
          )
        )
      ),
      purge: Effect.fn("Retention.purge")(function* (olderMillis) {
        const sums = { bodies: 0, requests: 0, pinned: 0 }
        let past: string | null = null
        while (true) {
          const purged: typeof PurgedRow.Type | undefined = yield* confirmed(
            "purge",
            purgeNext(olderMillis, past)
          )
          if (purged === undefined) return sums
          past = purged.up_to
          sums.bodies += purged.bodies
          sums.requests += purged.requests
          sums.pinned += purged.pinned
        }
      })
    })
  })
)
