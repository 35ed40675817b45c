/**
 * scenes: what happens to the orders, one after the other. Each comes to what is counted for its order, and
 * to what must hold of that.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { execute, Operator, Verdicts } from "fibric"
import * as Orders from "fibric/connectors/orders"
import * as Shop from "./shop.ts"
import { OffScript, type Seen, Stage } from "./Stage.ts"

/** An order of the story as it is told, and whether it holds. */
export interface Scene {
  readonly told: { readonly order: string; readonly scene: string } & Readonly<
    Record<string, string | number>
  >
  readonly holds: boolean
  readonly words: string
}

const scene = (told: Scene["told"], words: string, holds: boolean): Scene => ({ told, words, holds })

/** A new order of a customer's. */
const place = Effect.fnUntraced(
  function* (order: string) {
    const sql = yield* PgClient.PgClient
    yield* sql`INSERT INTO customers (order_id, email) VALUES (${order}, ${`of-${order}@customer.example`})`
    yield* sql`INSERT INTO orders.orders (id) VALUES (${order})`
  },
  Effect.mapError(({ message }) => new OffScript({ sentence: message }))
)

const parcel = { carrier: "DHL", tracking: "00340434161094042557" }

/** The order system marks it shipped: an action too, and one that commits with its receipt. */
const ship = (order: string) =>
  execute(Orders.shipOrder.propose(Orders.Order.at(order), { version: 1, ...parcel })).pipe(
    Operator.as("warehouse")
  )

const places = (order: string) => Effect.andThen(place(order), ship(order))

const toldOnce = ({ chats, mails }: Seen) => mails === 1 && chats === 1
const settled = (seen: Seen) => toldOnce(seen) && seen.of("performed") === 3

/** The order ships: the customer is told once, and the packers are. */
export const shipped = Effect.gen(function* () {
  const { start, until } = yield* Stage
  const worker = yield* start()
  yield* places("4471")
  const { chats, mails } = yield* until("4471", "customer and packers are told", settled)
  yield* worker.dismiss
  return scene(
    { order: "4471", scene: "shipped", mails, chats },
    "Order 4471 is marked shipped. The customer has one e-mail, the packers one message.",
    mails === 1 && chats === 1
  )
})

/** All events arrive again, for somebody starts a second operator from the beginning. */
export const again = Effect.gen(function* () {
  const { start, until } = yield* Stage
  const worker = yield* start("shipping-again")
  const seen = yield* until("4471", "both are asked for again", (seen) => seen.of("deduplicated") === 2)
  yield* worker.dismiss
  const { chats, mails } = seen
  return scene(
    { order: "4471", scene: "event again", mails, chats, deduplicated: seen.of("deduplicated") },
    "The same event arrives again. Nothing is sent; two receipts say that it was asked for.",
    toldOnce(seen)
  )
})

/** Nobody works while the order is held and released: the news of the hold are old when they could be told. */
export const changed = Effect.gen(function* () {
  const { start, until } = yield* Stage
  const sql = yield* PgClient.PgClient
  yield* place("4472")
  yield* Effect.orDie(
    sql`UPDATE orders.orders SET status = 'on_hold', reason = 'Which house?' WHERE id = '4472'`
  )
  yield* Effect.orDie(sql`UPDATE orders.orders SET status = 'open', reason = 'No. 7' WHERE id = '4472'`)
  const worker = yield* start()
  const seen = yield* until("4472", "the old news are not wanted", (seen) => seen.of("superseded") > 0)
  yield* worker.dismiss
  const superseded = seen.of("superseded")
  return scene(
    { order: "4472", scene: "changed before the send", mails: seen.mails, superseded },
    "Order 4472 was on hold and is not any more, before anybody was told: superseded, and the key is not spent.",
    seen.mails === 0 && superseded === 1
  )
})

/** The mail server takes the mail, and nobody hears its answer. A person looks into the mailbox. */
export const swallowed = Effect.gen(function* () {
  const { mail, start, until } = yield* Stage
  const verdicts = yield* Verdicts
  yield* mail.behave({ stage: "data-end", action: "silence", keeps: true })
  const worker = yield* start()
  yield* places("4473")
  yield* until("4473", "the mail is in doubt", (seen) => seen.of("in_doubt") === 1)
  yield* mail.behave()
  const action = Shop.Mail.propose(Orders.Order.at("4473"), { news: "shipped", version: 2, text: "" })
  const word = { attempt: 1, reason: "It is in the customer's mailbox." }
  yield* verdicts.itHappened(action, word).pipe(Operator.as("dana"))
  const seen = yield* until(
    "4473",
    "it is resolved, and what stood behind it is told",
    (seen) => seen.chats === 1
  )
  yield* worker.dismiss
  const { chats, mails } = seen
  const [inDoubt, resolved] = [seen.of("in_doubt"), seen.of("resolved")]
  return scene(
    { order: "4473", scene: "acknowledgement swallowed", mails, chats, inDoubt, resolved },
    "The mail server swallows its acknowledgement of order 4473's mail: in doubt, and held. Dana looks, and says that it happened; the packers are told then.",
    mails === 1 && chats === 1 && inDoubt === 1 && resolved === 1
  )
})

const killed = (told: Scene["told"], words: string, { chats, mails, openDoubts }: Seen) =>
  scene(
    { ...told, mails, chats, openDoubts },
    words,
    mails <= 1 && chats <= 1 && (openDoubts > 0 || (mails === 1 && chats === 1))
  )

/** The process is killed the moment the order has shipped. */
const killedAtOnce = Effect.gen(function* () {
  const { start, until } = yield* Stage
  const worker = yield* start()
  yield* places("4474")
  yield* worker.kill
  const next = yield* start()
  const seen = yield* until(
    "4474",
    "customer and packers are told, or there is a doubt",
    (seen) => settled(seen) || seen.openDoubts > 0
  )
  yield* next.dismiss
  return killed(
    { order: "4474", scene: "killed in between", at: "after the event" },
    "The process is killed when order 4474 has shipped. Another one goes on.",
    seen
  )
})

/** It is killed when the mail is at the server and its answer is not back. Nobody can know; it stays open. */
const killedAfterTheMail = Effect.gen(function* () {
  const { mail, start, until } = yield* Stage
  yield* mail.behave({ stage: "data-end", action: "silence", keeps: true })
  const worker = yield* start()
  yield* places("4475")
  yield* until("4475", "the mail is at the server", (seen) => seen.mails === 1)
  yield* worker.kill
  yield* mail.behave()
  const next = yield* start()
  const seen = yield* until("4475", "it is called in doubt", (seen) => seen.openDoubts > 0)
  yield* next.dismiss
  return killed(
    { order: "4475", scene: "killed in between", at: "after the mail" },
    "It is killed when order 4475's mail is at the server: in doubt, until a person answers.",
    seen
  )
})

/** It is killed when the message stands in the channel. The channel is asked, and says so. */
const killedAfterTheChat = Effect.gen(function* () {
  const { chat, start, until } = yield* Stage
  yield* chat.behave("swallow")
  const worker = yield* start()
  yield* places("4476")
  yield* until("4476", "the message is in the channel", (seen) => seen.chats === 1)
  yield* worker.kill
  yield* chat.behave("well")
  const next = yield* start()
  const seen = yield* until("4476", "the channel was asked", (seen) => seen.of("resolved") === 1)
  yield* next.dismiss
  return killed(
    { order: "4476", scene: "killed in between", at: "after the chat" },
    "It is killed when order 4476's message is in the channel. The channel is asked, and has it: resolved.",
    seen
  )
})

/** All of them, in the order of the story. */
export const all = [shipped, again, changed, swallowed, killedAtOnce, killedAfterTheMail, killedAfterTheChat]
