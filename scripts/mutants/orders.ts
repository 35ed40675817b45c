/**
 * Deliberate bugs of the order system in the ledger's database, and the tests that have to catch them.
 */
import type { Mutant } from "./list.ts"

const events = "connectors/orders-postgres/OrderEvent.ts"

export const orderMutants: ReadonlyArray<Mutant> = [
  {
    name: "events of orders are read above the oldest running transaction",
    edits: [
      {
        file: events,
        find: "transaction < pg_snapshot_xmin(pg_current_snapshot())\n      AND (transaction",
        replace: "(transaction"
      }
    ],
    caughtBy: ["test/connectors/orders-events.test.ts"],
    named: "holds back what was committed early"
  },
  {
    name: "events of orders are sorted by their transactions' digits",
    edits: [
      {
        file: events,
        find: "ORDER BY transaction, id LIMIT",
        replace: "ORDER BY transaction::text, id LIMIT"
      }
    ],
    caughtBy: ["test/connectors/orders-events.test.ts"],
    named: "another digit"
  },
  {
    name: "an order is changed on what nobody has looked at",
    edits: [
      {
        file: "connectors/orders-postgres/Orders.ts",
        find: `  if (row.version !== version) return "changed"\n`,
        replace: ""
      }
    ],
    caughtBy: ["test/connectors/orders.test.ts"],
    named: "decided on one version"
  }
]
