/**
 * Doors under the executor: what a lost word becomes for whoever asks, who may pass a doubt, and how
 * often the bolt really turns.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schedule } from "effect"
import { execute, Fibric, Settings, Verdicts, Operator } from "fibric"
import * as Door from "../../connectors/door/index.ts"
import { cutWhen, make as makeProxy, type TcpProxy } from "../../src/testing/TcpProxy.ts"
import { aedes, type Broker } from "../support/brokers.ts"
import * as Courtesy from "../support/courtesy.ts"
import * as LockDevice from "../support/lock-device.ts"
import { connack, pubcomp } from "../support/mqtt-packets.ts"
import { options } from "./door-support.ts"

const root = "house"
const at = Door.Doors.at("12")

const { admit, layer: layerCourtesy } = Courtesy.make("2 seconds")

const fibricOver = ({ protocol }: Broker, { port }: TcpProxy, recoverMillis = 50) =>
  Layer.mergeAll(Door.layerAccess, layerCourtesy).pipe(
    Layer.provideMerge(Fibric.layerMemory),
    Layer.provide(Settings.layer({ recoverMillis })),
    Layer.provide(Door.layer(options(port, { protocol, topics: Door.topicsUnder(root) })))
  )

/** A house with one door, and a wire that can be cut. */
const house = Effect.gen(function* () {
  const broker = yield* aedes()
  const device = yield* LockDevice.make(broker, { root, doors: ["12"] })
  const proxy = yield* makeProxy(broker.port)
  return { broker, device, proxy }
})

/** The first connection loses PUBCOMP and all that follows it; the door has the command by then. */
const lostWord = (connection: number) =>
  connection === 1 ? cutWhen("server", pubcomp, "before", "reset") : { _tag: "Pass" as const }

/** Asks until it is no doubt any more. */
const untilKnown = (action: Parameters<typeof execute<typeof admit>>[0]) =>
  Effect.retry(execute(action), {
    while: ({ _tag }) => _tag === "InDoubt",
    schedule: Schedule.spaced("50 millis"),
    times: 100
  })

const visit = { visit: "visit 2041", seconds: 5 }

describe("a door through the executor", () => {
  it.live("turns its bolt once for 657 requests", () =>
    Effect.gen(function* () {
      const { broker, device, proxy } = yield* house
      const answers = yield* Effect.all(
        Array.from({ length: 657 }, () => execute(Door.unlock.propose(at, visit))),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(fibricOver(broker, proxy)))
      assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
      assert.strictEqual((yield* device.actuations).length, 1)
    })
  )

  it.live("holds its lane in doubt for whoever wants to unlock it, and lets a lock pass", () =>
    Effect.gen(function* () {
      const { broker, device, proxy } = yield* house
      yield* proxy.setRule(lostWord)
      const said = yield* Effect.gen(function* () {
        const first = yield* Effect.flip(execute(Door.unlock.propose(at, visit)))
        const second = yield* Effect.flip(execute(Door.unlock.propose(at, { ...visit, visit: "visit 2042" })))
        const locked = yield* execute(Door.lock.propose(at, { ends: "visit 2041" }))
        return [first._tag, second._tag, locked.receipt.outcome]
      }).pipe(Effect.provide(fibricOver(broker, proxy)))
      assert.deepStrictEqual(said, ["InDoubt", "LaneHeld", "performed"])
      assert.deepStrictEqual(
        (yield* device.actuations).map(({ verb }) => verb),
        ["unlock", "lock"]
      )
    })
  )

  it.live("is asked what became of it, and the doubt is resolved without a second turn", () =>
    Effect.gen(function* () {
      const { broker, device, proxy } = yield* house
      yield* proxy.setRule(lostWord)
      const action = admit.propose(at, visit)
      const said = yield* Effect.gen(function* () {
        const doubt = yield* Effect.flip(execute(action))
        const { output, receipt } = yield* untilKnown(action)
        return [doubt._tag, receipt.outcome, Option.map(output, ({ by }) => by)]
      }).pipe(Effect.provide(fibricOver(broker, proxy)))
      assert.deepStrictEqual(said, ["InDoubt", "resolved", Option.some("state")])
      assert.strictEqual((yield* device.actuations).length, 1)
    })
  )

  it.live("stays in doubt while its state says nothing of the command", () =>
    Effect.gen(function* () {
      const { broker, device, proxy } = yield* house
      const gate = Promise.withResolvers<void>()
      yield* device.behave({ gate: gate.promise })
      const action = admit.propose(at, visit)
      const said = yield* Effect.gen(function* () {
        const doubt = yield* Effect.flip(execute(action))
        const again = yield* Effect.flip(execute(action))
        gate.resolve()
        const { receipt } = yield* untilKnown(action)
        return [doubt._tag, again._tag, receipt.outcome]
      }).pipe(Effect.provide(fibricOver(broker, proxy)))
      assert.deepStrictEqual(said, ["InDoubt", "InDoubt", "resolved"])
      assert.strictEqual((yield* device.actuations).length, 1)
    })
  )

  it.live("is not told again what it has done, although a person said that it had not", () =>
    Effect.gen(function* () {
      const { broker, device, proxy } = yield* house
      yield* proxy.setRule(lostWord)
      const action = Door.unlock.propose(at, visit)
      const outcome = yield* Effect.gen(function* () {
        yield* Effect.flip(execute(action))
        const verdicts = yield* Verdicts
        yield* verdicts
          .release(action.key, { attempt: 1, reason: "nobody came in", force: true })
          .pipe(Operator.as("dana"))
        return (yield* execute(action)).receipt.outcome
      }).pipe(Effect.provide(fibricOver(broker, proxy, 60_000)))
      assert.strictEqual(outcome, "performed")
      assert.strictEqual((yield* device.actuations).length, 1)
    })
  )

  it.live("frees the key when the wire broke before the command left", () =>
    Effect.gen(function* () {
      const { broker, device, proxy } = yield* house
      yield* proxy.setRule((connection) =>
        connection === 1 ? cutWhen("server", connack, "before", "reset") : { _tag: "Pass" }
      )
      const action = Door.unlock.propose(at, visit)
      const said = yield* Effect.gen(function* () {
        const first = yield* Effect.flip(execute(action))
        return [first._tag, (yield* execute(action)).receipt.outcome]
      }).pipe(Effect.provide(fibricOver(broker, proxy)))
      assert.deepStrictEqual(said, ["NotPerformed", "performed"])
      assert.strictEqual((yield* device.actuations).length, 1)
      assert.strictEqual(yield* proxy.connections, 2)
    })
  )
})
