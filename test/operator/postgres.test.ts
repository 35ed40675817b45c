/**
 * Operators on Postgres: several processes' worth of runners and deliverers over one database, that come and
 * go.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, type Redacted, Scope } from "effect"
import { EventSource, execute, Operator, Outbox, ReceiptLog } from "fibric"
import * as FibricPostgres from "fibric/postgres"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"
import { layerTroubled, makeBox } from "../support/outboxes.ts"
import { changed, type Changed, listen, makeShop, Order, Ring, Tell, tell, telling } from "./fixtures.ts"

const numbered = (from: number, to: number): ReadonlyArray<Changed> =>
  Array.from({ length: to - from + 1 }, (_, index) => changed(String(from + index)))

const setUp = Effect.gen(function* () {
  const { url } = yield* ledgerDatabase
  const shop = makeShop()
  return { ...shop, start: starting(url, shop.layer), url }
})

/** Starts a process: a runtime of its own, which runs an operator and delivers. It ends with `stop`. */
const starting = (url: Redacted.Redacted<string>, shop: ReturnType<typeof makeShop>["layer"]) =>
  Effect.fnUntraced(function* <Event>(
    operator: Operator.Operator<Event, ReceiptLog>,
    { box = makeBox(), delivers = true } = {}
  ) {
    const runtime = shop.pipe(
      Layer.provideMerge(FibricPostgres.layer),
      Layer.provide(PgClient.layer({ url, maxConnections: 2 })),
      Layer.provideMerge(listen([]))
    )
    const running = Operator.layer(operator).pipe(Layer.provide(layerTroubled(box)))
    const process = (delivers ? Layer.merge(running, Outbox.layerDelivery) : running).pipe(
      Layer.provideMerge(runtime)
    )
    const scope = yield* Scope.fork(yield* Effect.scope)
    const context = yield* Layer.buildWithScope(process, scope)
    return { context, stop: Scope.close(scope, Exit.void) }
  })

type Started = Effect.Success<ReturnType<ReturnType<typeof starting>>>
type Services = Context.Context<ReceiptLog | Outbox.Outbox>

/** The receipts by outcome once so many actions are performed. */
const performed = (context: Services, times: number) =>
  eventually(
    Effect.map(Context.get(context, ReceiptLog).totals(), (totals) =>
      (totals.performed ?? 0) >= times ? totals : undefined
    ).pipe(Effect.delay("10 millis"))
  )

describe("two processes that run one operator", () => {
  it.live("answer 200 events with 200 actions, while one goes away in the middle and another comes", () =>
    Effect.gen(function* () {
      const { start, told } = yield* setUp
      const orders = EventSource.memory("orders", numbered(1, 60))
      const teller = telling(orders)
      const one = yield* start(teller)
      const other = yield* start(teller)
      for (let order = 61; order <= 120; order++) {
        yield* orders.append(changed(String(order)))
        yield* Effect.sleep("1 milli")
      }
      yield* performed(other.context, 50)
      yield* one.stop
      yield* orders.append(...numbered(121, 160))
      yield* start(telling(orders))
      yield* orders.append(...numbered(161, 200))
      // A second action for an event would be a repeat, and leave a receipt.
      assert.deepStrictEqual(yield* performed(other.context, 200), { performed: 200 })
      assert.strictEqual(new Set(told).size, 200)
      const outbox = Context.get(other.context, Outbox.Outbox)
      assert.strictEqual(yield* outbox.cursorOf("teller", "orders"), "200")
    }).pipe(Effect.scoped)
  )
})

describe("a process that is dropped", () => {
  it.live("after its commit, which it never hears of, has proposed once", () =>
    Effect.gen(function* () {
      const { start, told } = yield* setUp
      const orders = EventSource.memory("orders", numbered(1, 5))
      const teller = telling(orders)
      const box = makeBox()
      box.silent = true
      yield* start(teller, { box, delivers: false })
      yield* eventually(
        Effect.sync(() => (box.landed.length > 0 ? true : undefined)).pipe(Effect.delay("10 millis"))
      )
      const successor = yield* start(teller)
      yield* orders.append(changed("6"))
      assert.deepStrictEqual(yield* performed(successor.context, 6), { performed: 6 })
      assert.strictEqual(told.length, 6)
    }).pipe(Effect.scoped)
  )
})

describe("a delayed action", () => {
  it.live("waits over a restart, in the name of its operator", () =>
    Effect.gen(function* () {
      const { start, told } = yield* setUp
      const remind = (watch: EventSource.EventSource<Changed>) =>
        Operator.make("reminder", {
          watch,
          propose: (event) => Operator.later(tell(event), event.order === "1" ? "1 second" : 0)
        })
      const orders = EventSource.memory("orders", numbered(1, 2))
      const first = yield* start(remind(orders))
      yield* performed(first.context, 1)
      yield* first.stop
      assert.deepStrictEqual(told, ["2 shipped"])
      const second = yield* start(remind(orders))
      yield* performed(second.context, 2)
      const log = Context.get(second.context, ReceiptLog)
      const [receipt] = yield* log.byKey(tell(changed("1")).key)
      assert.strictEqual(receipt?.operator, "reminder")
      assert.deepStrictEqual(told, ["2 shipped", "1 shipped"])
    }).pipe(Effect.scoped)
  )
})

describe("an operator that watches the receipts on Postgres", () => {
  it.live("hears of each doubt once, also of one that came while nobody ran", () =>
    Effect.gen(function* () {
      const { start, told } = yield* setUp
      const watchman = () =>
        Operator.make("watchman", {
          watch: EventSource.receipts({ outcomes: ["in_doubt"] }),
          propose: ({ entity, outcome }) => Tell.propose(Order.at(entity.id), { what: outcome })
        })
      const ring = (order: string, { context }: Started) =>
        Effect.flip(execute(Ring.propose(Order.at(order), { bell: "front" }))).pipe(
          Effect.provideContext(context)
        )
      const first = yield* start(watchman())
      const kept = Context.get(first.context, Outbox.Outbox).cursorOf("watchman", "receipts")
      yield* eventually(Effect.delay(kept, "10 millis"))
      yield* ring("1", first)
      yield* performed(first.context, 1)
      yield* first.stop
      const nobody = yield* start(telling(EventSource.memory<Changed>("none")))
      yield* ring("2", nobody)
      const second = yield* start(watchman())
      yield* ring("3", second)
      assert.deepStrictEqual(yield* performed(second.context, 3), { in_doubt: 3, performed: 3 })
      assert.deepStrictEqual(told.toSorted(), ["1 in_doubt", "2 in_doubt", "3 in_doubt"])
    }).pipe(Effect.scoped)
  )
})
