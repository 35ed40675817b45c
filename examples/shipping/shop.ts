/**
 * The shop: the whole application. An operator says one sentence about orders, two capabilities say what
 * telling means, and a connector carries them out. There is no retry, no table of what was sent already and
 * no time-out in here.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Capability, Connector, Content, Guard, NotPerformed, Operator, Outbox, Recovery } from "fibric"
import * as Orders from "fibric/connectors/orders"
import * as Slack from "fibric/connectors/slack"
import { Sent, Smtp, SmtpRefused } from "fibric/connectors/smtp"

/** The channel of the people who pack. */
export const channel = "C0PACKING"

/** News of an order, at the version of it that they are of. */
const payload = {
  news: Schema.Literals(["on_hold", "shipped"]),
  version: Schema.Int,
  text: Content(Schema.String)
}

const news = {
  entity: Orders.Order,
  payload,
  stores: ["news", "version", "text"],
  occasion: ({ news, version }: { readonly news: string; readonly version: number }) => `${news}:v${version}`
} as const

/** Old news are not told: the order is looked at again right before. */
const stillSo = Effect.fnUntraced(function* ({
  entity,
  payload
}: Guard.Question<unknown, { readonly news: string }>) {
  const sql = yield* SqlClient.SqlClient
  const [order] = yield* sql<{ status: string }>`SELECT status FROM orders.orders WHERE id = ${entity.id}`
  return yield* order?.status === payload.news
    ? Guard.wanted
    : Guard.superseded(`the order is ${order?.status ?? "gone"} by now`)
})

/** Tells the customer by e-mail. Nobody can ask a mailbox, so a doubt is for a person. */
export const Mail = Capability.make("tell-customer", {
  ...news,
  success: Sent,
  error: SmtpRefused,
  guard: stillSo,
  recovery: Recovery.hold,
  deadline: "3 seconds"
})

/** Tells the people who pack. The channel can be asked whether the message is there. */
export const Chat = Capability.make("tell-packers", {
  ...news,
  success: Slack.Posted,
  error: Slack.SlackRefused,
  guard: stillSo,
  recovery: Recovery.lookup({ lag: "1 second", every: "1 second" }),
  deadline: "3 seconds"
})

/** The sentence: tell the customer when the order ships. */
export const Shipping = (name: string) =>
  Operator.make(name, {
    watch: Orders.events(),
    propose: (event) => {
      const order = Orders.Order.at(event.order)
      const { version } = event
      switch (event._tag) {
        case "OrderShipped": {
          const text = `Order ${event.order} is on its way: ${event.carrier}, ${event.tracking}.`
          return [
            Mail.propose(order, { news: "shipped", version, text }),
            Chat.propose(order, { news: "shipped", version, text })
          ]
        }
        case "OrderHeld":
          return Mail.propose(order, {
            news: "on_hold",
            version,
            text: "We have a question about your order."
          })
        case "OrderReleased":
          return []
      }
    }
  })

/** Where to a mail goes is asked when it goes. */
const customerOf = Effect.fnUntraced(function* (order: string) {
  const sql = yield* SqlClient.SqlClient
  const [found] = yield* Effect.mapError(
    sql<{ email: string }>`SELECT email FROM customers WHERE order_id = ${order}`,
    ({ message }) => new NotPerformed({ proof: "never_sent", reason: message })
  )
  return (
    found?.email ??
    (yield* new NotPerformed({ proof: "never_sent", reason: `nobody knows whose order ${order} is` }))
  )
})

const Telling = Connector.make("telling", Mail, Chat).toLayer(
  Effect.gen(function* () {
    const smtp = yield* Smtp
    const slack = yield* Slack.Slack
    return {
      "tell-customer": Effect.fnUntraced(function* ({ text }, call) {
        const to = yield* customerOf(call.entity.id)
        return yield* smtp.send({ to, subject: `Your order ${call.entity.id}`, text }, call)
      }),
      "tell-packers": {
        perform: ({ text }, call) => slack.post({ channel, text }, call),
        lookup: (_payload, call) => slack.find({ channel }, call)
      }
    }
  })
)

/** What a process of the shop runs: the operator, and the delivery of what it proposes. */
export const layer = (operator: string) =>
  Layer.merge(Operator.layer(Shipping(operator)), Outbox.layerDelivery).pipe(Layer.provideMerge(Telling))

/** The order system's tables, and whose order is whose. */
export const layerTables = Layer.effectDiscard(
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    yield* sql`CREATE TABLE IF NOT EXISTS customers (order_id text PRIMARY KEY, email text NOT NULL)`
  })
).pipe(Layer.provideMerge(Orders.layerTables()))
