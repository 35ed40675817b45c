/**
 * Subjects of the laws: which capability brings what.
 */
import { Effect, type Scope, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { Capability, Connector, LedgerTransaction, Recovery } from "fibric"
import * as Laws from "fibric/testing/laws"
import { Order } from "./support.ts"

const common = {
  entity: Order,
  payload: { to: Schema.String },
  success: Schema.Void,
  occasion: () => "once",
  deadline: "1 second"
} as const

const Held = Capability.make("held", { ...common, recovery: Recovery.hold })
const Booked = Capability.make("booked", { ...common, recovery: Recovery.transactional })
const Program = Capability.make("program", { ...common, recovery: Recovery.replay })

declare const server: Effect.Effect<Laws.Server & { readonly schema: string }, never, Scope.Scope>
declare const client: (port: number, schema: string) => Effect.Effect<SqlClient.SqlClient, never, Scope.Scope>

const shared = { name: "one", server, secrets: [] }

const holding = { connector: () => Connector.make("mail", Held).toLayer({ held: () => Effect.void }) }
const booking = {
  connector: () =>
    Connector.make("orders", Booked).toLayer({ booked: () => Effect.asVoid(LedgerTransaction) })
}
const database = ({ port }: Laws.Address, { schema }: { readonly schema: string }) => client(port, schema)

const at = Order.at("1")
Laws.subject({ ...shared, ...holding, action: Held.propose(at, { to: "ada" }) })
Laws.subject({ ...shared, ...booking, database, action: Booked.propose(at, { to: "ada" }) })

// @ts-expect-error Its transaction is the kernel's: the laws need a way to open one.
Laws.subject({ ...shared, ...booking, action: Booked.propose(at, { to: "ada" }) })

// @ts-expect-error There is no transaction to open.
Laws.subject({ ...shared, ...holding, database, action: Held.propose(at, { to: "ada" }) })

// @ts-expect-error A program acts through other capabilities alone: it has no wire to lose.
Laws.subject({ ...shared, ...holding, action: Program.propose(at, { to: "ada" }) })

// @ts-expect-error The connector carries another capability out.
Laws.subject({ ...shared, ...holding, database, action: Booked.propose(at, { to: "ada" }) })
