/**
 * Proposing: a payload or an entity that doesn't fit is a compile error.
 */
import type { DateTime } from "effect"
import { type Action, Capability, Content, Recovery, type Entity } from "fibric"
import { Schema } from "effect"
import { Door, type Equals, type IsAny, isFalse, isTrue, Notify, Order, payload, Unlock } from "./support.ts"

Notify.propose(Order.at("4471"), payload)
Notify.propose(Order.at("4471"), { ...payload, note: "leave it at the door" })

// @ts-expect-error The payload has a value of the wrong type: `to` is a string.
Notify.propose(Order.at("4471"), { ...payload, to: 4471 })

// @ts-expect-error The status is one of the two that the capability names.
Notify.propose(Order.at("4471"), { ...payload, status: "lost" })

// @ts-expect-error A field is missing: `text` is required, being content does not make it optional.
Notify.propose(Order.at("4471"), { to: "ada@example.com", status: "shipped" })

// @ts-expect-error A field is unknown: the schema has no `cc`, so nobody would ever send it.
Notify.propose(Order.at("4471"), { to: "ada@example.com", status: "shipped", text: "", cc: "eve" })

// @ts-expect-error An optional field may be left out; it may not be present and undefined.
Notify.propose(Order.at("4471"), { ...payload, note: undefined })

// @ts-expect-error The entity is of another type: a door gets no notification about an order.
Notify.propose(Door.at("12"), payload)

// @ts-expect-error An id alone names no entity: the address says the type, too.
Notify.propose("4471", payload)

// @ts-expect-error The payload is the decoded one: a text is no point in time.
Unlock.propose(Door.at("12"), { until: "2026-01-01T00:00:00Z" })

const action = Notify.propose(Order.at("4471"), payload)

// @ts-expect-error A proposed action is a value that nobody changes afterwards.
action.payload = payload

// @ts-expect-error The key is derived: nobody supplies one.
action.key = Notify.propose(Order.at("4472"), payload).key

isTrue<Equals<typeof action, Action.Action<typeof Notify>>>()
isTrue<Equals<(typeof action)["entity"], Entity.EntityAddress>>()
isTrue<
  Equals<
    (typeof action)["payload"],
    {
      readonly to: string
      readonly status: "packed" | "shipped"
      readonly text: string
      readonly note?: string
    }
  >
>()
isTrue<Equals<(typeof Unlock.payload)["Type"], { readonly until: DateTime.Utc }>>()
isFalse<IsAny<(typeof action)["payload"]["text"]>>()
isFalse<IsAny<(typeof Notify)["error"]["Type"]>>()
isTrue<Equals<(typeof Unlock)["error"]["Type"], never>>()
isTrue<Equals<ReturnType<(typeof Order)["at"]>, Entity.EntityAddress<"order">>>()

const sound = {
  entity: Order,
  payload: { to: Schema.String, text: Content(Schema.String) },
  success: Schema.Void,
  recovery: Recovery.hold,
  deadline: "1 second"
} as const

// @ts-expect-error What to do in doubt is declared: there is no default for it.
Capability.make("remind", { ...sound, recovery: undefined, occasion: () => "once" })

// @ts-expect-error What makes two uses the same is declared: without `occasion` there is no key.
Capability.make("remind", sound)

// @ts-expect-error The occasion reads the payload's own fields: there is no `subject`.
Capability.make("remind", { ...sound, occasion: ({ subject }) => subject })

// @ts-expect-error The occasion is a text: a number would read differently some day.
Capability.make("remind", { ...sound, occasion: ({ to }) => to.length })

// @ts-expect-error A deadline is a duration with its unit.
Capability.make("remind", { ...sound, deadline: "soon", occasion: () => "once" })
