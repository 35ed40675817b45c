import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { Capability, Connector, Entity, EventSource, Fibric, Operator, Outbox, Recovery, tail } from "fibric"

const Order = Entity.make("order")

const Tell = Capability.make("tell", {
  entity: Order,
  payload: { to: Schema.String, what: Schema.Literals(["shipped", "how was it?"]) },
  success: Schema.Void,
  occasion: ({ what }) => what,
  recovery: Recovery.hold,
  deadline: "20 seconds",
  // What is proposed waits in a table until it is delivered: these fields may be stored there.
  stores: ["to", "what"]
})

const Messaging = Connector.make("messaging", Tell).toLayer({
  tell: ({ to, what }, { entity }) => Console.log(`to ${to}, of order ${entity.id}: ${what}`)
})

// For a test. In an app `EventSource.make`: a table with a growing number, or another service's feed.
const orders = EventSource.memory("orders", [
  { id: "4471", status: "packed", customer: "ada@example.com" },
  { id: "4471", status: "shipped", customer: "ada@example.com" }
])

// When the order ships tell the customer, and ask some time later how it was.
const TellShipped = Operator.make("tell-shipped", {
  watch: orders,
  propose: ({ customer, id, status }) =>
    status === "shipped"
      ? [
          Tell.propose(Order.at(id), { to: customer, what: "shipped" }),
          Operator.later(Tell.propose(Order.at(id), { to: customer, what: "how was it?" }), "1 second")
        ]
      : []
})

const Runtime = Layer.merge(Operator.layer(TellShipped), Outbox.layerDelivery).pipe(
  Layer.provideMerge(Messaging),
  Layer.provideMerge(Fibric.layerMemory)
)

const program = tail({ from: "start" }).pipe(
  Stream.take(2),
  Stream.runForEach(({ receipt }) => Console.log(`${receipt.outcome} ${receipt.key} by ${receipt.operator}`))
)

NodeRuntime.runMain(Effect.provide(program, Runtime))
