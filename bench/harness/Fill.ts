/**
 * Fill: a ledger as it is after years: many settled keys, each with its receipt. One row is fibric's own,
 * settled by it; the others are copies of it that differ where rows differ, so that this knows of a column
 * only where its values are told apart. Hashes come in their order: the indexes are made sooner, and look
 * as they do after a REINDEX.
 */
import { Effect } from "effect"
import { PgClient } from "@effect/sql-pg"
import { Reactivity } from "effect/reactivity"
import { distinct } from "../contests/Sizes.ts"
import type { Database } from "./Server.ts"
import * as Subject from "./Subject.ts"

/** What differs from row to row, by column, of the row of this `number` with this `hash`. */
const ledger: Readonly<Record<string, string>> = {
  key_hash: "numbered.hash",
  entity_hash: "sha256(numbered.hash)",
  key: "'touch:thing-old-' || numbered.number || ':once'",
  entity_id: "'old-' || numbered.number",
  token: "numbered.id",
  bound_token: "numbered.id",
  receipt_id: "numbered.id"
}

const receipts: Readonly<Record<string, string>> = {
  ...ledger,
  // Before all that comes later, in the table's own part for what is there.
  id: "numbered.id"
}

const fill = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  table: string,
  differing: Readonly<Record<string, string>>,
  count: number
) {
  const columns = yield* sql<{ name: string }>`
    SELECT attname::text AS name FROM pg_attribute
    WHERE attrelid = ${table}::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ORDER BY attnum`
  const names = columns.map(({ name }) => name)
  const values = names.map((name) => differing[name] ?? `sample.${name}`)
  yield* sql.unsafe(`
    INSERT INTO ${table} (${names.join(", ")})
    SELECT ${values.join(", ")}
    FROM (SELECT * FROM ${table} LIMIT 1) AS sample, (
      SELECT hash, row_number() OVER () AS number,
        lpad(to_hex(row_number() OVER ()), 32, '0')::uuid AS id
      FROM (
        SELECT sha256(convert_to('old ' || seed, 'UTF8')) AS hash
        FROM generate_series(1, ${count}) AS seed ORDER BY 1
      ) AS sorted
    ) AS numbered`)
})

/** So many settled keys with a receipt each, as they are once vacuum has been there. */
export const settledKeys = Effect.fnUntraced(function* ({ url }: Database, count: number) {
  const subject = yield* Subject.start("fibric", url)
  yield* subject.carryOut(distinct("sample", 1, 1))
  yield* subject.dismiss
  const sql = yield* Effect.provide(PgClient.make({ url, maxConnections: 1 }), Reactivity.layer)
  yield* sql`SET work_mem = '1GB'`
  yield* fill(sql, "fibric.ledger", ledger, count)
  yield* fill(sql, "fibric.receipt_log", receipts, count)
  yield* sql`VACUUM (ANALYZE) fibric.ledger`
  yield* sql`VACUUM (ANALYZE) fibric.receipt_log`
}, Effect.scoped)
