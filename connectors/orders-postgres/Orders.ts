/**
 * Orders: carries the capabilities out, in the transaction that settles them.
 *
 * The order's row is locked, looked at, and changed. What is told about the change is written by the
 * table's triggers, as for everybody else. Nothing is done by any other way than the transaction.
 */
import { Effect, type Layer } from "effect"
import type { SqlError } from "effect/sql"
import {
  type Call,
  Connector,
  type Connectors,
  LedgerTransaction,
  NotPerformed,
  OutcomeUnknown,
  type StartRefused
} from "fibric"
import { wordsOf } from "./DatabaseWords.ts"
import { holdOrder, OrderRefused, type Problem, releaseOrder, shipOrder } from "./Order.ts"
import { type Options, schemaOf } from "./tables.ts"

type Sql = LedgerTransaction["Service"]

interface Row {
  readonly status: "open" | "on_hold" | "shipped"
  readonly version: number
}

/** Carries the three capabilities out on the order system's tables, which must be there (`migrate`). */
export const layer = (
  options?: Options
): Layer.Layer<
  Connector.Handler<"hold-order" | "release-order" | "ship-order">,
  StartRefused,
  Connectors
> => {
  const schema = schemaOf(options)
  return Connector.make("orders", holdOrder, releaseOrder, shipOrder).toLayer({
    "hold-order": ({ reason, version }, call) =>
      changing(schema, call, version, "open", hold(schema, call, reason)),
    "release-order": ({ reason, version }, call) =>
      changing(schema, call, version, "on_hold", release(schema, call, reason)),
    "ship-order": ({ carrier, tracking, version }, call) =>
      changing(schema, call, version, "open", ship(schema, call, carrier, tracking))
  })
}

type Statement = (sql: Sql) => Effect.Effect<ReadonlyArray<Pick<Row, "version">>, SqlError.SqlError>

/** Changes an order that is as the action takes it to be, and refuses one that is not. */
const changing = Effect.fn("Orders.change")(
  function* (schema: string, call: Call, version: number, from: Row["status"], change: Statement) {
    const sql = yield* LedgerTransaction
    const order = call.entity.id
    const [row] = yield* lock(sql, schema, order)
    if (row !== undefined && row.version < version && row.status !== "shipped") {
      // Nobody has seen this version yet. It is no refusal, which would be replayed once it is there.
      const reason = `order "${order}" is at version ${row.version}, and not yet at ${version}`
      return yield* new NotPerformed({ proof: "provider_denies", reason })
    }
    const problem = problemWith(row, version, from)
    if (problem !== undefined) {
      return yield* new OrderRefused({ order, problem, version: row?.version ?? null })
    }
    const [changed] = yield* change(sql)
    return changed ?? (yield* new OutcomeUnknown({ reason: `a trigger kept order "${order}" as it was` }))
  },
  Effect.catchTag("SqlError", (error) =>
    // Whatever the statement did is taken back with its transaction, and the kernel tries again.
    Effect.fail(new OutcomeUnknown({ reason: `a statement failed: ${wordsOf(error)}` }))
  )
)

/** What an action of this version, for orders in this state, meets. */
const problemWith = (row: Row | undefined, version: number, from: Row["status"]): Problem | undefined => {
  if (row === undefined) return "unknown"
  if (row.status === "shipped") return "shipped"
  if (row.version !== version) return "changed"
  if (row.status === from) return undefined
  return row.status === "on_hold" ? "on_hold" : "not_on_hold"
}

/** Whoever changes the order waits until this transaction has ended. */
const lock = (sql: Sql, schema: string, id: string) =>
  sql<Row>`SELECT status, version FROM ${sql(schema)}.orders WHERE id = ${id} FOR UPDATE`.withoutTransform

const hold =
  (schema: string, { entity }: Call, reason: string): Statement =>
  (sql) =>
    sql<Row>`
      UPDATE ${sql(schema)}.orders SET status = 'on_hold', reason = ${reason}
      WHERE id = ${entity.id} RETURNING version`.withoutTransform

const release =
  (schema: string, { entity }: Call, reason: string): Statement =>
  (sql) =>
    sql<Row>`
      UPDATE ${sql(schema)}.orders SET status = 'open', reason = ${reason}
      WHERE id = ${entity.id} RETURNING version`.withoutTransform

const ship =
  (schema: string, { entity }: Call, carrier: string, tracking: string): Statement =>
  (sql) =>
    sql<Row>`
      UPDATE ${sql(schema)}.orders SET status = 'shipped', carrier = ${carrier}, tracking = ${tracking}
      WHERE id = ${entity.id} RETURNING version`.withoutTransform
