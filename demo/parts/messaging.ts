/**
 * messaging: what a shop says to its customers, as capabilities, and the connector that says it by mail.
 *
 * This is all that an author writes. There is no retry in it, no table of what was sent and no lock:
 * whatever calls these functions goes through the executor.
 */
import { Effect, Schema } from "effect"
import { Capability, Connector, Content, Entity, Recovery } from "fibric"
import { EmailAddress, Sent, Smtp, SmtpRefused } from "fibric/connectors/smtp"

/** There is exactly one order of a number. */
export const Order = Entity.make("order")

/** Tells the customer what has become of the order. */
export const Notify = Capability.make("notify", {
  entity: Order,
  payload: {
    event: Schema.Literals(["shipped", "delivered"]),
    to: EmailAddress,
    // A model may find other words each time. It is the same notice all the same.
    text: Content(Schema.String)
  },
  success: Sent,
  error: SmtpRefused,
  // With the verb and the order this names the one intended mail: notify:order-4471:shipped.
  occasion: ({ event }) => event,
  // A mail server can't be asked what it took, so in doubt a person decides.
  recovery: Recovery.hold,
  deadline: "20 seconds"
})

/** Asks the customer to pick the order up. Nobody waits long for it, so its doubt comes soon. */
export const Remind = Capability.make("remind", {
  entity: Order,
  payload: { to: EmailAddress, text: Content(Schema.String) },
  success: Sent,
  error: SmtpRefused,
  occasion: () => "pick-up",
  recovery: Recovery.hold,
  deadline: "2 seconds"
})

/** Everything that may be said, as one connector. */
export const Messaging = Connector.make("messaging", Notify, Remind)

/** Says it over SMTP. */
export const layer = Messaging.toLayer({
  notify: ({ event, text, to }, call) =>
    Effect.flatMap(Smtp, (smtp) => smtp.send({ to, subject: `Your order: ${event}`, text }, call)),
  remind: ({ text, to }, call) =>
    Effect.flatMap(Smtp, (smtp) => smtp.send({ to, subject: "Your order waits for you", text }, call))
})
