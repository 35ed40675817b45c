/**
 * Operators: an event has the source's type, and what is proposed for it is an action or nothing.
 */
import { Effect, type Scope } from "effect"
import type { Layer } from "effect"
import { EventSource, Operator, type Outbox, type ReceiptLog, type StartRefused } from "fibric"
import { Door, type Equals, isTrue, Notify, Order, payload, Unlock } from "./support.ts"

interface Shipped {
  readonly id: string
}
declare const orders: EventSource.EventSource<Shipped, Scope.Scope>

const notify = ({ id }: Shipped) => Notify.propose(Order.at(id), payload)

const operator = Operator.make("shipping", { watch: orders, propose: notify })
isTrue<Equals<typeof operator, Operator.Operator<Shipped, Scope.Scope>>>()

Operator.make("shipping", { watch: orders, propose: () => [] })
Operator.make("shipping", { watch: orders, propose: (event) => [notify(event), notify(event)] })
Operator.make("shipping", {
  watch: orders,
  propose: (event) => [notify(event), Operator.later(notify(event), "2 days")]
})

Operator.make("shipping", {
  watch: orders,
  // @ts-expect-error The payload has a value of the wrong type: `to` is a string.
  propose: ({ id }) => Notify.propose(Order.at(id), { ...payload, to: 4471 })
})

Operator.make("shipping", {
  watch: orders,
  // @ts-expect-error The entity is of another type.
  propose: ({ id }) => Notify.propose(Door.at(id), payload)
})

Operator.make("shipping", {
  watch: orders,
  // @ts-expect-error The event has no such field.
  propose: ({ number }) => Notify.propose(Order.at(number), payload)
})

// @ts-expect-error Proposing is pure: an effect would be run nobody knows how often.
Operator.make("shipping", { watch: orders, propose: (event) => Effect.succeed(notify(event)) })

Operator.make("shipping", {
  watch: orders,
  // @ts-expect-error A forgotten return: nothing would ever be proposed.
  propose: (event) => {
    notify(event)
  }
})

// @ts-expect-error A capability is no action: of which entity, and with what?
Operator.make("shipping", { watch: orders, propose: () => Unlock })

// @ts-expect-error A delay is a duration with its unit.
Operator.later(notify({ id: "1" }), "soon")

// @ts-expect-error An instant is none of its texts.
Operator.notBefore(notify({ id: "1" }), "2026-01-01T00:00:00Z")

const watchman = Operator.make("watchman", { watch: EventSource.receipts(), propose: () => [] })
const layer = Operator.layer(watchman)
isTrue<Equals<typeof layer, Layer.Layer<never, StartRefused, Outbox.Outbox | ReceiptLog>>>()
