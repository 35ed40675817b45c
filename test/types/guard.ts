/**
 * Guards, states and programs: what they are shown, what they need, and who has to bring it.
 */
import { Context, Effect, type Layer, Schema } from "effect"
import {
  Capability,
  Connector,
  type Connectors,
  Entity,
  type EntityState,
  Guard,
  type ProgramCall,
  Recovery,
  type StartRefused,
  stateOf
} from "fibric"
import { type Equals, isTrue } from "./support.ts"

const State = Schema.Struct({ open: Schema.Boolean })
const Shop = Entity.make("shop", { state: State, initial: { open: true } })
const Street = Entity.make("street")

class Hours extends Context.Service<Hours, { readonly now: Effect.Effect<number> }>()(
  "fibric/test/types/guard/Hours"
) {}

const common = {
  payload: { visit: Schema.String },
  success: Schema.Void,
  occasion: () => "once",
  recovery: Recovery.hold,
  deadline: "1 second"
} as const

const Enter = Capability.make("enter", {
  ...common,
  entity: Shop,
  guard: Effect.fnUntraced(function* ({ payload, state, version }) {
    isTrue<Equals<typeof state, { readonly open: boolean }>>()
    isTrue<Equals<typeof payload, { readonly visit: string }>>()
    isTrue<Equals<typeof version, number>>()
    const { now } = yield* Hours
    return yield* (yield* now) < 20 && state.open ? Guard.wanted : Guard.superseded("it is closed")
  }),
  becomes: ({ state }) => ({ ...state, open: false })
})

// The layer that carries it out has to bring what the guard asks.
const entering = Connector.make("shops", Enter).toLayer({ enter: () => Effect.void })
isTrue<Equals<typeof entering, Layer.Layer<Connector.Handler<"enter">, StartRefused, Hours | Connectors>>>()

// A guard that asks nobody asks nothing of the layer.
const Plain = Capability.make("plain", { ...common, entity: Street, guard: () => Guard.wanted })
const plain = Connector.make("streets", Plain).toLayer({ plain: () => Effect.void })
isTrue<Equals<typeof plain, Layer.Layer<Connector.Handler<"plain">, StartRefused, Connectors>>>()

// @ts-expect-error A guard answers with a verdict, never with a boolean.
Capability.make("enter", { ...common, entity: Shop, guard: () => Effect.succeed(true) })

// @ts-expect-error What the state becomes is a state.
Capability.make("enter", { ...common, entity: Shop, becomes: () => ({ open: "yes" }) })

// @ts-expect-error An initial state is a state.
Entity.make("shop", { state: State, initial: { open: 1 } })

Entity.make("shop", {
  state: State,
  initial: { open: true },
  // @ts-expect-error What an earlier shape is upgraded to is a state.
  earlier: [Entity.earlier(Schema.String, (text) => ({ open: text }))]
})

// A state is read in its own type; an entity without one has none.
const read = stateOf(Shop, Shop.at("1"))
isTrue<Equals<Effect.Success<typeof read>, EntityState<{ readonly open: boolean }>>>()
const none = stateOf(Street, Street.at("1"))
isTrue<Equals<Effect.Success<typeof none>, EntityState<undefined>>>()

// @ts-expect-error The address is of that type of entity.
stateOf(Shop, Street.at("1"))

// @ts-expect-error The version that it was decided against is a number.
Enter.propose(Shop.at("1"), { visit: "v" }, { decidedAt: "now" })

const Tour = Capability.make("tour", { ...common, entity: Street, recovery: Recovery.replay })

// A program acts through `perform`, and needs somebody who carries its steps out.
const tours = Connector.make("tours", Tour).toLayer({
  tour: ({ visit }, { perform }) => Effect.asVoid(perform(Enter.propose(Shop.at("1"), { visit })))
})
isTrue<
  Equals<
    typeof tours,
    Layer.Layer<Connector.Handler<"tour">, StartRefused, Connector.Handler<"enter"> | Connectors>
  >
>()

Connector.make("streets", Plain).toLayer({
  // @ts-expect-error What is no program performs no steps.
  plain: (_payload, { perform }: ProgramCall) =>
    Effect.orDie(Effect.asVoid(perform(Enter.propose(Shop.at("1"), { visit: "v" }))))
})
