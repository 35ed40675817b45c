/**
 * A shop for the tests of operators: what happened to orders, the action that follows from it, and what an
 * operator's log says.
 */
import { Effect, Layer, Logger, References, Schema } from "effect"
import { Capability, Connector, Entity, type EventSource, Guard, Operator, Recovery } from "fibric"

export const Order = Entity.make("order")

export const Tell = Capability.make("tell", {
  entity: Order,
  payload: { what: Schema.String.check(Schema.isMaxLength(20)) },
  success: Schema.Void,
  occasion: ({ what }) => what,
  recovery: Recovery.hold,
  deadline: "5 seconds",
  stores: ["what"],
  guard: () => Effect.suspend(() => (wish.isWanted ? Guard.wanted : Guard.superseded("it came back")))
})

/** What the guard says, changeable while a test runs. */
export const wish = { isWanted: true }

/** What reached the world, as `4471 shipped`. */
export const makeShop = () => {
  const told: Array<string> = []
  const layer = Connector.make("shop", Tell).toLayer({
    tell: ({ what }, { entity }) => Effect.sync(() => void told.push(`${entity.id} ${what}`))
  })
  return { told, layer }
}

export interface Changed {
  readonly order: string
  readonly status: string
}

export const changed = (order: string, status = "shipped"): Changed => ({ order, status })

export const tell = ({ order, status }: Changed) => Tell.propose(Order.at(order), { what: status })

/** Tells the customer when the order ships: one sentence. */
export const telling = (watch: EventSource.EventSource<Changed>) =>
  Operator.make("teller", {
    watch,
    propose: (event) => (event.status === "shipped" ? tell(event) : undefined)
  })

/** An operator's events in the log, as they come: its name without `fibric.operator.`, and its fields. */
export interface Told {
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

export const listen = (told: Array<Told>): Layer.Layer<never> =>
  Logger.layer([
    Logger.make(({ fiber, message }) => {
      const [, event] = /^fibric\.operator\.(\w+)$/.exec(String(message)) ?? []
      if (event === undefined) return
      told.push({ event, fields: fiber.getRef(References.CurrentLogAnnotations) })
    })
  ])
