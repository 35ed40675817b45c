/**
 * What the tests of the orders share: a database with a ledger and the order system's tables in it.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import { execute, Settings } from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import * as Orders from "../../connectors/orders-postgres/index.ts"
import { layerFreshClient } from "../support/database.ts"

/** A client for a database with a ledger and the tables in it. */
export const layerTables = Layer.provideMerge(Orders.layerTables(), layerFreshClient)

/** The connector over fibric and such a database. */
export const layerOrders = Orders.layer().pipe(
  Layer.provideMerge(layerPostgres),
  Layer.provideMerge(layerTables),
  Layer.provide(Settings.layer({ drainMillis: 0 }))
)

/** Orders of these ids, open, at version 1. */
export const open = Effect.fnUntraced(function* (...ids: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  yield* sql`INSERT INTO orders.orders (id) SELECT unnest(${ids}::text[])`
})

/** An order as it stands: its status and its version. */
export const orderOf = Effect.fnUntraced(function* (id: string) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{ status: string; version: number }>`
    SELECT status, version FROM orders.orders WHERE id = ${id}`
  return [row?.status, row?.version]
})

export const holding = (id: string, version: number, reason = "the address is doubtful") =>
  Orders.holdOrder.propose(Orders.Order.at(id), { version, reason })

export const hold = (id: string, version: number, reason?: string) => execute(holding(id, version, reason))

export const release = (id: string, version: number, reason = "the address is right") =>
  execute(Orders.releaseOrder.propose(Orders.Order.at(id), { version, reason }))

export const ship = (id: string, version: number, tracking = "1Z-999") =>
  execute(Orders.shipOrder.propose(Orders.Order.at(id), { version, carrier: "Pony Express", tracking }))
