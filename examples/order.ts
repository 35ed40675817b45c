import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Schema } from "effect"
import { Capability, Connector, Entity, execute, Fibric, Guard, Operator, Recovery, stateOf } from "fibric"

// What settled actions have made of an order. Nothing but their settlement changes it.
const Order = Entity.make("order", {
  state: Schema.Struct({ status: Schema.Literals(["open", "paid", "shipped"]) }),
  initial: { status: "open" }
})

const Charge = Capability.make("charge", {
  entity: Order,
  payload: { cents: Schema.Int },
  success: Schema.Void,
  occasion: () => "once",
  recovery: Recovery.hold,
  deadline: "20 seconds",
  // Asked when its turn comes, against the state as it then is.
  guard: ({ state }) => (state.status === "open" ? Guard.wanted : Guard.superseded(`it is ${state.status}`)),
  becomes: () => ({ status: "paid" as const })
})

const Ship = Capability.make("ship", {
  entity: Order,
  payload: { carrier: Schema.String },
  success: Schema.Void,
  occasion: () => "once",
  recovery: Recovery.hold,
  deadline: "20 seconds",
  guard: ({ state }) => (state.status === "paid" ? Guard.wanted : Guard.superseded(`it is ${state.status}`)),
  becomes: () => ({ status: "shipped" as const })
})

// Several effects in one action: a program, run again from the top where it did not come to its end.
const Fulfil = Capability.make("fulfil", {
  entity: Order,
  payload: { cents: Schema.Int, carrier: Schema.String },
  success: Schema.Void,
  occasion: () => "once",
  recovery: Recovery.replay,
  deadline: "1 minute"
})

const Shop = Connector.make("shop", Charge, Ship).toLayer({
  charge: ({ cents }, { entity }) => Console.log(`order ${entity.id}: ${cents} cents are charged`),
  ship: ({ carrier }, { entity }) => Console.log(`order ${entity.id}: ${carrier} takes it along`)
})

const Programs = Connector.make("programs", Fulfil).toLayer({
  fulfil: ({ cents, carrier }, { entity, perform }) =>
    Effect.gen(function* () {
      const order = Order.at(entity.id)
      yield* perform(Charge.propose(order, { cents }))
      yield* perform(Ship.propose(order, { carrier }))
    })
})

const program = Effect.gen(function* () {
  const order = Order.at("4471")
  const { version } = yield* stateOf(Order, order)
  yield* execute(Fulfil.propose(order, { cents: 4_200, carrier: "a swift" }))
  yield* Console.log(yield* stateOf(Order, order))

  // Decided before the order was fulfilled, and asked for after.
  const late = Charge.propose(order, { cents: 4_200 }, { decidedAt: version })
  yield* Console.log((yield* Effect.flip(execute(late))).message)
})

const Runtime = Programs.pipe(Layer.provideMerge(Shop), Layer.provideMerge(Fibric.layerMemory))

NodeRuntime.runMain(program.pipe(Operator.as("shipping"), Effect.provide(Runtime)))
