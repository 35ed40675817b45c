/**
 * Recovery: what a capability declares for a doubt decides what its connector must bring.
 */
import { Effect, type Layer, Option, Schema } from "effect"
import {
  Capability,
  Connector,
  type Connectors,
  LedgerTransaction,
  Recovery,
  type StartRefused
} from "fibric"
import { type Equals, isTrue, Order } from "./support.ts"

const common = {
  entity: Order,
  payload: { to: Schema.String },
  success: Schema.Struct({ messageId: Schema.String }),
  occasion: () => "once",
  deadline: "1 second"
} as const

const Asked = Capability.make("asked", {
  ...common,
  stores: ["to"],
  recovery: Recovery.lookup({ lag: "1 minute" })
})
const Booked = Capability.make("booked", { ...common, recovery: Recovery.transactional })
const Held = Capability.make("held", { ...common, recovery: Recovery.hold })

const perform = () => Effect.succeed({ messageId: "m-1" })

// A provider that can be asked is asked through a function of its own, which may find nothing.
const asking = Connector.make("mail", Asked)
asking.toLayer({ asked: { perform, lookup: () => Effect.succeedNone } })
asking.toLayer({ asked: { perform, lookup: ({ to }) => Effect.succeedSome({ messageId: to }) } })
asking.toLayer({
  asked: { perform, lookup: (_, { key }) => Effect.succeed(Option.some({ messageId: key })) }
})

// @ts-expect-error There is no way to ask.
asking.toLayer({ asked: perform })

// @ts-expect-error There is no way to ask, though it is called by its name.
asking.toLayer({ asked: { perform } })

// @ts-expect-error What is found is an output of the capability.
asking.toLayer({ asked: { perform, lookup: () => Effect.succeedSome({ messageId: 7 }) } })

// @ts-expect-error A key that is only held is asked nothing.
Connector.make("mail", Held).toLayer({ held: { perform, lookup: () => Effect.succeedNone } })

const inTransaction = () =>
  Effect.gen(function* () {
    const sql = yield* LedgerTransaction
    yield* Effect.orDie(sql`SELECT 1`)
    return { messageId: "m-1" }
  })

// The transaction is the kernel's to give: the layer doesn't need it.
const booking = Connector.make("orders", Booked).toLayer({ booked: inTransaction })
isTrue<Equals<typeof booking, Layer.Layer<Connector.Handler<"booked">, StartRefused, Connectors>>>()

// Where nothing commits with the settlement there is no transaction, and nobody can provide one.
const misplaced = Connector.make("orders", Held).toLayer({ held: inTransaction })
isTrue<Equals<Layer.Services<typeof misplaced>, Connectors | LedgerTransaction>>()

// @ts-expect-error What may be stored is named by the payload's own fields.
Capability.make("typo", { ...common, stores: ["too"], recovery: Recovery.hold })

// @ts-expect-error A capability without a recovery would leave its doubts to nobody.
Capability.make("none", common)
