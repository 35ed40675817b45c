/**
 * `fibric.receipts` and its sisters: the views that people and other programs read. Their columns are part
 * of the public interface.
 */
import { assert, describe, it } from "@effect/vitest"
import { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Layer } from "effect"
import { execute, Operator } from "fibric"
import * as FibricPostgres from "fibric/postgres"
import { deadLetterColumns, outboxColumns } from "../../src/postgres/migrations/0013-outbox-views.ts"
import { doubtColumns, receiptColumns, sealColumns } from "../../src/postgres/migrations/public-views.ts"
import { layerFreshClient } from "../support/database.ts"
import { makeWorld, notify, over } from "../support/orders.ts"

describe("the public views", () => {
  const documented = (
    view: string,
    columns: Readonly<Record<string, string>>,
    types: ReadonlyArray<string>
  ) =>
    it.live(`fibric.${view} has the documented columns in order, each with its meaning and type`, () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const rows = yield* sql<{ name: string; meaning: string | null; type: string }>`
          SELECT attname::text AS name, col_description(attrelid, attnum) AS meaning,
            format_type(atttypid, atttypmod) AS type
          FROM pg_attribute WHERE attrelid = ${`fibric.${view}`}::text::regclass AND attnum > 0 ORDER BY attnum`
        assert.deepStrictEqual(
          rows.map(({ name, meaning }) => [name, meaning]),
          Object.entries(columns)
        )
        assert.deepStrictEqual(
          rows.map(({ name, type }) => `${name} ${type}`),
          types
        )
      }).pipe(Effect.provide(runtime(makeWorld().layer)))
    )

  documented("receipts", receiptColumns, [
    "id uuid",
    "at timestamp with time zone",
    "outcome text",
    "operator text",
    "capability text",
    "key text",
    "entity text",
    "entity_type text",
    "entity_id text",
    "attempt integer",
    "count integer",
    "refers_to uuid",
    "duration_millis integer",
    "proof text",
    "reason text",
    "safe_to_retry boolean",
    "check_after timestamp with time zone",
    "durability text",
    "folded integer",
    "first_at timestamp with time zone",
    "purged boolean"
  ])

  documented("doubts", doubtColumns, [
    "key text",
    "key_hash text",
    "capability text",
    "entity_type text",
    "entity_id text",
    "attempt integer",
    "operator text",
    "since timestamp with time zone",
    "check_after timestamp with time zone",
    "reason text",
    "receipt_id uuid"
  ])

  documented("seals", sealColumns, [
    "number bigint",
    "up_to xid8",
    "rows bigint",
    "receipts bigint",
    "first_at timestamp with time zone",
    "last_at timestamp with time zone",
    "hash text",
    "sealed_at timestamp with time zone"
  ])

  documented("outbox", outboxColumns, [
    "entity_type text",
    "entity_id text",
    "waiting bigint",
    "due bigint",
    "oldest_at timestamp with time zone",
    "position bigint",
    "deliveries integer",
    "next_at timestamp with time zone",
    "reason text"
  ])

  documented("dead_letters", deadLetterColumns, [
    "position bigint",
    "capability text",
    "entity_type text",
    "entity_id text",
    "operator text",
    "proposed_at timestamp with time zone",
    "buried_at timestamp with time zone",
    "deliveries integer",
    "reason text"
  ])

  it.live("shows what was performed and what was prevented, as the receipts say it", () => {
    const { layer } = makeWorld()
    return Effect.gen(function* () {
      const { receipt } = yield* execute(notify("4471")).pipe(Operator.as("shipping"))
      yield* execute(notify("4471")).pipe(Operator.as("agent"))
      const sql = yield* PgClient.PgClient
      const rows = yield* sql`
        SELECT id, at, outcome, operator, capability, key, entity, entity_type, entity_id, attempt, count,
          refers_to, duration_millis, proof, reason
        FROM fibric.receipts WHERE outcome = 'performed'`
      assert.deepStrictEqual(rows, [
        {
          id: receipt.id,
          at: DateTime.toDateUtc(receipt.at),
          outcome: "performed",
          operator: "shipping",
          capability: "notify",
          key: "notify:order-4471:shipped",
          entity: "order-4471",
          entity_type: "order",
          entity_id: "4471",
          attempt: 1,
          count: 1,
          refers_to: null,
          duration_millis: receipt.durationMillis,
          proof: null,
          reason: null
        }
      ])
      const repeats = yield* sql`
        SELECT operator, refers_to, count FROM fibric.receipts WHERE outcome = 'deduplicated'`
      assert.deepStrictEqual(repeats, [{ operator: "agent", refers_to: receipt.id, count: 1 }])
    }).pipe(Effect.provide(runtime(layer)))
  })
})

const runtime = (connector: ReturnType<typeof makeWorld>["layer"]) =>
  over(connector, FibricPostgres.layer.pipe(Layer.provideMerge(layerFreshClient)))
