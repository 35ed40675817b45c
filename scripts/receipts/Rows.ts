/**
 * Rows: what stands in the ledger of one key, and folding it.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import type { Redacted } from "effect"
import { layerClient } from "fibric/embedded"
import { Seals } from "../../src/kernel/Seals.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgSeals from "../../src/postgres/PgSeals.ts"

/** How many rows and how many requests a key has, by what is in the table. */
export interface Rows {
  readonly rows: number
  readonly requests: number
}

export const rowsOf = (sql: PgClient.PgClient, key: string): Effect.Effect<Rows, unknown> =>
  Effect.map(
    sql<Rows>`
      SELECT count(*)::int AS rows, COALESCE(sum(count), 0)::int AS requests FROM fibric.receipts WHERE key = ${key}`,
    ([found]) => found ?? { rows: 0, requests: 0 }
  )

/** The seals of a database, over connections of their own. */
export const layerSeals = (url: Redacted.Redacted<string>) =>
  PgSeals.layer.pipe(Layer.provide(LedgerClient.layerCommand), Layer.provide(layerClient(url)))

/** Seals everything that is there, and says how many rows were folded. */
export const sealAll = Effect.gen(function* () {
  const seals = yield* Seals
  let made = 0
  let folded = 0
  for (
    let next = yield* seals.sealNext(0, 20_000);
    next !== undefined;
    next = yield* seals.sealNext(0, 20_000)
  ) {
    made += 1
    folded += next.folded
  }
  return { seals: made, folded }
})
