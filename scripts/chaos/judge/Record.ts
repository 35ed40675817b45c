/**
 * Record: what is left of a run, as it was found in the world's record and in the ledger's tables. No
 * worker's word is in it but what it told its callers. Instants are milliseconds since 1970, of the
 * database's clock and the world's, which are one machine's.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { Outcome } from "../../../src/domain/Receipt.ts"
import type { Verification } from "../../../src/domain/Seal.ts"
import type { Asked } from "../Fleet.ts"
import type { Ordered } from "../OutsideWorld.ts"
import { capabilities, labelOf } from "../Wish.ts"

/** A key's row. */
const Row = Schema.Struct({
  key: Schema.String,
  capability: Schema.Literals(capabilities),
  entity: Schema.String,
  state: Schema.Literals(["performing", "in_doubt", "released", "done", "refused", "abandoned"]),
  attempt: Schema.Int,
  /** How long ago it should have become doubtful, if it is performing. */
  silentForMillis: Schema.Finite,
  /** How long its recovery has been due, if it is in doubt and has one; negative: not yet. */
  dueForMillis: Schema.NullOr(Schema.Finite)
})
export type Row = typeof Row.Type

const Attempt = Schema.Struct({
  key: Schema.String,
  attempt: Schema.Int,
  generation: Schema.Int,
  operator: Schema.String,
  claimedAt: Schema.Finite
})
export type Attempt = typeof Attempt.Type

const Receipt = Schema.Struct({
  id: Schema.String,
  at: Schema.Finite,
  outcome: Outcome,
  operator: Schema.String,
  key: Schema.String,
  attempt: Schema.Int,
  count: Schema.Int,
  proof: Schema.NullOr(Schema.String),
  reason: Schema.NullOr(Schema.String)
})
export type Receipt = typeof Receipt.Type

/** What transactions have left: each row an effect in the ledger's own database. */
const Transacted = Schema.Struct({ entity: Schema.String, occasion: Schema.String, attempt: Schema.Int })

const State = Schema.Struct({
  entity: Schema.String,
  version: Schema.Int,
  state: Schema.NullOr(Schema.String)
})

export interface Ledger {
  readonly rows: ReadonlyArray<Row>
  readonly attempts: ReadonlyArray<Attempt>
  readonly receipts: ReadonlyArray<Receipt>
  readonly transacted: ReadonlyArray<typeof Transacted.Type>
  readonly states: ReadonlyArray<typeof State.Type>
}

export interface Record extends Ledger {
  readonly orders: ReadonlyArray<Ordered>
  readonly asked: ReadonlyArray<Asked>
  readonly verification: Verification
  /** Workers that ended by themselves. */
  readonly crashed: number
}

/** Reads the ledger's tables as they are. */
export const readLedger = Effect.fnUntraced(function* (sql: PgClient.PgClient) {
  const read = <S extends Schema.Codec<unknown, unknown>>(
    row: S,
    rows: Effect.Effect<ReadonlyArray<object>, SqlError.SqlError>
  ) => Effect.flatMap(rows, Schema.decodeUnknownEffect(Schema.Array(row)))
  return {
    rows: yield* read(
      Row,
      sql`
        SELECT key, capability, entity_id AS entity, state, attempt,
          (extract(epoch FROM clock_timestamp() - doubt_at) * 1000)::float8 AS "silentForMillis",
          (extract(epoch FROM clock_timestamp() - recover_at) * 1000)::float8 AS "dueForMillis"
        FROM fibric.ledger`
    ),
    attempts: yield* read(
      Attempt,
      sql`
        SELECT key, attempt, generation, operator, (extract(epoch FROM claimed_at) * 1000)::float8 AS "claimedAt"
        FROM (
          SELECT key, attempt, generation, operator, claimed_at FROM fibric.ledger
          UNION ALL
          SELECT ledger.key, earlier.attempt, earlier.generation, earlier.operator, earlier.claimed_at
          FROM fibric.attempt AS earlier JOIN fibric.ledger AS ledger ON ledger.key_hash = earlier.key_hash
        ) AS attempts ORDER BY key, attempt`
    ),
    receipts: yield* read(
      Receipt,
      sql`
        SELECT id, (extract(epoch FROM at) * 1000)::float8 AS at, outcome, operator, key, attempt, count, proof, reason
        FROM fibric.receipt_log ORDER BY at`
    ),
    transacted: yield* read(Transacted, sql`SELECT entity, occasion, attempt FROM chaos_effect`),
    states: yield* read(State, sql`SELECT entity_id AS entity, version, state FROM fibric.entity`)
  } satisfies Ledger
})

/** An effect that has happened, in the world or in the ledger's database. */
export interface EffectSeen {
  readonly key: string
  readonly effect: string
  readonly attempt: number
}

/** Every effect, once: an order that was recognised is none. */
export const effectsOf = ({ orders, transacted }: Record): ReadonlyArray<EffectSeen> => [
  ...orders.flatMap((order) =>
    order.effect === null || order.recognised
      ? []
      : [{ key: labelOf(order), effect: order.effect, attempt: order.attempt }]
  ),
  ...transacted.map(({ attempt, entity, occasion }, index) => ({
    key: labelOf({ capability: "transact", entity, occasion }),
    effect: `row ${index}`,
    attempt
  }))
]

/** Grouped by what `name` says of each. */
export const by = <A>(
  things: ReadonlyArray<A>,
  name: (thing: A) => string
): ReadonlyMap<string, ReadonlyArray<A>> => Map.groupBy(things, name)
