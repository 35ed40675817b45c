/**
 * The one change that everybody asks for, and a connector that counts how often it reached the world.
 */
import { Effect, Schema } from "effect"
import { Capability, Connector, Entity, Recovery } from "fibric"

const Order = Entity.make("order")

export const Notify = Capability.make("notify", {
  entity: Order,
  payload: { to: Schema.String },
  success: Schema.Struct({ messageId: Schema.String }),
  occasion: () => "shipped",
  recovery: Recovery.hold,
  deadline: "20 seconds"
})

/** The same action each time; `entity` tells the stories of one database apart. */
export const action = (entity: string) => Notify.propose(Order.at(entity), { to: "ada@example.com" })

const Messaging = Connector.make("messaging", Notify)

/** A connector whose calls are told to `called`. */
export const layerConnector = (called: () => void) =>
  Messaging.toLayer({
    notify: (_payload, { key }) =>
      Effect.sync(() => {
        called()
        return { messageId: key }
      })
  })
