import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Schema } from "effect"
import { Capability, Connector, Content, Entity, execute, Operator, Recovery } from "fibric"
import * as FibricEmbedded from "fibric/embedded"

const Order = Entity.make("order")

// What may be done: one verb, and what makes two uses of it the same intention.
const Notify = Capability.make("notify", {
  entity: Order,
  payload: {
    to: Schema.String,
    status: Schema.Literals(["packed", "shipped"]),
    text: Content(Schema.String) // may be reworded without becoming another action
  },
  success: Schema.Struct({ sentTo: Schema.String }),
  occasion: ({ status }) => status,
  recovery: Recovery.hold, // in doubt, a person decides
  deadline: "20 seconds"
})

// How it is done. Nothing but the executor can call this function.
const Messaging = Connector.make("messaging", Notify).toLayer({
  notify: ({ to, text }) => Effect.as(Console.log(`sent to ${to}: ${text}`), { sentTo: to })
})

// An agent that is stuck in a loop: it asks 657 times.
const program = Effect.gen(function* () {
  const action = Notify.propose(Order.at("4471"), {
    to: "ada@example.com",
    status: "shipped",
    text: "Your order has left."
  })
  const answers = yield* Effect.replicateEffect(execute(action), 657)
  const receipts = new Set(answers.map(({ receipt }) => receipt.id))
  yield* Console.log(`asked ${answers.length} times, answered with ${receipts.size} receipt`)
})

const Runtime = Messaging.pipe(Layer.provideMerge(FibricEmbedded.layer()))

NodeRuntime.runMain(program.pipe(Operator.as("shipping"), Effect.provide(Runtime)))
