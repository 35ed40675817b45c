/**
 * The same definitions on memory, in one process and in a cluster of two runners: what an asker is
 * answered is the same, wherever the entity is hosted.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { type Context, Deferred, Effect, Fiber, Layer, Logger, Option } from "effect"
import {
  type Connector,
  execute,
  type Executor,
  Fibric,
  InDoubt,
  LaneHeld,
  Operator,
  type ReceiptLog,
  stateOf
} from "fibric"
import * as FibricCluster from "fibric/cluster"
import { Reactivity } from "effect/reactivity"
import { createServer } from "node:net"
import { ledgerDatabase } from "../support/database.ts"
import { Door, type Hall, lock, makeHall, unlock } from "../support/doors.ts"
import { EmailRefused, makeWorld, notify, type World } from "../support/orders.ts"

type Doors = "unlock" | "lock" | "display" | "ring"
type Marks = { [Name in Doors | "notify" | "peek"]: Connector.Handler<Name> }[Doors | "notify" | "peek"]
type Services = Executor | ReceiptLog | Marks

/** Two places to ask from: two runners of a cluster, or one runtime twice. */
interface Places {
  readonly one: Context.Context<Services>
  readonly other: Context.Context<Services>
  readonly hall: Hall
  readonly world: World
}

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** The connectors of a place: each has its own, and they act on one world. */
const connectors = (hall: ReturnType<typeof makeHall>, world: ReturnType<typeof makeWorld>) =>
  Layer.merge(hall.layer, world.layer)

const memory = Effect.gen(function* () {
  const hall = makeHall()
  const world = makeWorld()
  const one = yield* Layer.build(Layer.provideMerge(connectors(hall, world), Fibric.layerMemory))
  return { one, other: one, hall: hall.hall, world: world.world } satisfies Places
})

const single = Effect.gen(function* () {
  const { url } = yield* ledgerDatabase
  const hall = makeHall()
  const world = makeWorld()
  const one = yield* Layer.build(
    connectors(hall, world).pipe(
      Layer.provideMerge(FibricCluster.layerSingle()),
      Layer.provide(PgClient.layer({ url, maxConnections: 2 }))
    )
  )
  return { one, other: one, hall: hall.hall, world: world.world } satisfies Places
})

const cluster = Effect.gen(function* () {
  const { url } = yield* ledgerDatabase
  const hall = makeHall()
  const world = makeWorld()
  const runner = Effect.gen(function* () {
    const port = yield* freePort
    return yield* Layer.build(
      connectors(hall, world).pipe(
        Layer.provideMerge(FibricCluster.layer({ host: "127.0.0.1", port })),
        Layer.provide(PgClient.layer({ url, maxConnections: 4 }))
      )
    )
  })
  const [one, other] = yield* Effect.all([runner, runner], { concurrency: 2 })
  return { one, other, hall: hall.hall, world: world.world } satisfies Places
})

for (const [name, places] of [
  ["memory", memory],
  ["a cluster of one process", single],
  ["a cluster of two runners", cluster]
] as const) {
  const story = (sentence: string, body: (places: Places) => Effect.Effect<void, unknown>) =>
    it.live(sentence, () =>
      // What runners say to each other's comings and goings is no part of it.
      Effect.provide(Effect.scoped(Effect.flatMap(places, body)), Logger.layer([]))
    )

  describe(`on ${name}`, () => {
    story("many entities are asked for from two places, and each action is performed once", (at) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 12 }, (_, index) => String(index))
        const asked = (where: Context.Context<Services>) =>
          Effect.forEach(ids, (id) => Effect.provideContext(execute(notify(id)), where), {
            concurrency: "unbounded"
          }).pipe(Operator.as("shipping"))
        const [here, there] = yield* Effect.all([asked(at.one), asked(at.other)], { concurrency: 2 })
        assert.deepStrictEqual(
          here.map(({ receipt }) => receipt.id),
          there.map(({ receipt }) => receipt.id)
        )
        assert.deepStrictEqual([...new Set(here.map(({ receipt }) => receipt.operator))], ["shipping"])
        assert.strictEqual(at.world.calls.length, 12)
        const [first] = here
        assert.isTrue(first !== undefined && Option.isSome(first.output))
      })
    )

    story("a refusal comes back in its own type, and so does its repeat from the other place", (at) =>
      Effect.gen(function* () {
        at.world.answer = () => Effect.fail(new EmailRefused({ reason: "no such mailbox" }))
        for (const where of [at.one, at.other]) {
          const refused = yield* Effect.flip(Effect.provideContext(execute(notify("1")), where))
          assert.instanceOf(refused, EmailRefused)
          assert.deepInclude(refused, { reason: "no such mailbox" })
        }
        assert.strictEqual(at.world.calls.length, 1)
      })
    )

    story("a doubt, and the lane that it holds, come back as what they are", (at) =>
      Effect.gen(function* () {
        at.world.answer = () => Effect.die("the line went dead")
        const doubt = yield* Effect.flip(Effect.provideContext(execute(notify("1")), at.one))
        assert.instanceOf(doubt, InDoubt)
        const held = yield* Effect.flip(Effect.provideContext(execute(notify("1", "delivered")), at.other))
        assert.instanceOf(held, LaneHeld)
        const conflict = yield* Effect.flip(
          Effect.provideContext(execute(notify("1", "shipped", { to: "bob@example.com" })), at.other)
        )
        assert.deepInclude(conflict, { _tag: "KeyConflict", paths: ["/to"] })
      })
    )

    story("what is asked for inside an open transaction is refused, wherever its entity is hosted", (at) =>
      Effect.gen(function* () {
        const { url } = yield* ledgerDatabase
        const sql = yield* PgClient.make({ url, maxConnections: 1 }).pipe(Effect.provide(Reactivity.layer))
        const asked = (where: Context.Context<Services>) =>
          Effect.forEach(["1", "2", "3", "4", "5", "6"], (id) =>
            Effect.flip(sql.withTransaction(Effect.provideContext(execute(notify(id)), where)))
          )
        // Of each entity one of them is no host.
        const refused = [...(yield* asked(at.one)), ...(yield* asked(at.other))]
        assert.deepStrictEqual([...new Set(refused.map(({ _tag }) => _tag))], ["InsideTransaction"])
        assert.strictEqual(at.world.calls.length, 0)
      }).pipe(Effect.scoped)
    )

    story("a guard is asked where the entity is hosted, and its state is everybody's", (at) =>
      Effect.gen(function* () {
        yield* Effect.provideContext(execute(unlock("7", "morning")), at.one)
        const superseded = yield* Effect.flip(Effect.provideContext(execute(unlock("7", "noon")), at.other))
        assert.deepInclude(superseded, { _tag: "Superseded", version: 1 })
        const stale = yield* Effect.flip(Effect.provideContext(execute(unlock("7", "evening", 0)), at.other))
        assert.deepInclude(stale, {
          _tag: "Superseded",
          reason: "it was decided against version 0, and the state is at 1"
        })
        const { state } = yield* Effect.provideContext(stateOf(Door, Door.at("7")), at.other)
        assert.deepStrictEqual(state, { locked: false, turns: 1 })
      })
    )

    story("actions of one entity are performed one at a time, wherever they are asked for", (at) =>
      Effect.gen(function* () {
        at.world.answer = ({ call }) => Effect.as(Effect.yieldNow, { messageId: call.key })
        yield* Effect.forEach(
          Array.from({ length: 20 }, (_, index) => index),
          (index) =>
            Effect.provideContext(
              execute(notify("1", `status ${index}`)),
              index % 2 === 0 ? at.one : at.other
            ),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(at.world.calls.length, 20)
        assert.strictEqual(at.world.most, 1)
      })
    )

    story("a caller that loses its patience leaves, and the action goes on", (at) =>
      Effect.gen(function* () {
        at.hall.gate = yield* Deferred.make<void>()
        const action = lock("9", "night")
        const impatient = yield* Effect.flip(
          Effect.provideContext(execute(action, { patience: "300 millis" }), at.other)
        )
        assert.strictEqual(impatient._tag, "InProgress")
        const waiting = yield* Effect.forkChild(Effect.provideContext(execute(action), at.one))
        yield* at.hall.called(1)
        yield* Deferred.succeed(at.hall.gate, undefined)
        const { receipt } = yield* Fiber.join(waiting)
        assert.strictEqual(receipt.outcome, "performed")
        assert.deepStrictEqual(at.hall.calls, ["lock 9 night"])
      })
    )

    story("what is wrong with a request by itself is said before anything is sent", (at) =>
      Effect.gen(function* () {
        const invalid = yield* Effect.flip(Effect.provideContext(execute(notify("")), at.other))
        assert.deepInclude(invalid, { _tag: "InvalidKey", problem: "empty" })
        assert.strictEqual(at.world.calls.length, 0)
      })
    )
  })
}
