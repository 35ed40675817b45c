/**
 * The orders as a subject of the laws: against a real Postgres, with tables of its own for each trial. What
 * has happened to an order stands in its events.
 */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import * as Laws from "fibric/testing/laws"
import * as Orders from "../../connectors/orders-postgres/index.ts"
import * as Postgres from "../testing/laws/Postgres.ts"

/** Tables with an order to ship, and one that has left. */
const server = Effect.fnUntraced(function* ({ settled, sql, trial }: Postgres.Postgres) {
  const { schema, ...target } = yield* trial
  const tables = sql(schema)
  yield* Orders.migrate({ schema }).pipe(Effect.provideService(SqlClient.SqlClient, sql))
  yield* sql`
    INSERT INTO ${tables}.orders (id, status, carrier, tracking)
    VALUES ('4471', 'open', NULL, NULL), ('4472', 'shipped', 'Pony Express', '1Z-1')`
  const shipped = sql`SELECT 1 FROM ${tables}.events WHERE order_id = '4471'`
  return {
    ...target,
    schema,
    effects: Effect.orDie(
      Effect.andThen(
        settled(schema),
        // No key reaches an order: what it has been made to be says it.
        Effect.map(shipped, (rows) => rows.map(() => ({ key: undefined })))
      )
    )
  }
})

const parcel = { carrier: "Pony Express", tracking: "1Z-2" }

/** The report about the orders, over a database that is there for as long as it takes. */
const report = Effect.scoped(
  Effect.flatMap(Postgres.make, (postgres) =>
    Laws.run({
      name: "orders",
      server: server(postgres),
      connector: (_address, { schema }) => Orders.layer({ schema }),
      database: (address, { schema }) => postgres.client(address, schema),
      action: Orders.shipOrder.propose(Orders.Order.at("4471"), { version: 1, ...parcel }),
      refused: Orders.shipOrder.propose(Orders.Order.at("4472"), { version: 1, ...parcel }),
      secrets: postgres.secrets
    })
  )
)

export const orders = { name: "orders", report }
