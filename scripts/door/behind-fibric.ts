/**
 * Commands behind fibric, each to a door of its own and over a wire that loses one acknowledgement. Each
 * is asked for three times, as somebody impatient would, and then until nobody doubts it any more or the
 * door has been asked often enough.
 */
import { Deferred, Effect, Exit, Layer, Schedule, type Scope } from "effect"
import { execute, Fibric, Settings } from "fibric"
import { connectAsync } from "mqtt"
import * as Door from "../../connectors/door/index.ts"
import { make as makeProxy, pass } from "../../src/testing/TcpProxy.ts"
import type { Broker } from "../../test/support/brokers.ts"
import * as Courtesy from "../../test/support/courtesy.ts"
import * as LockDevice from "../../test/support/lock-device.ts"
import { all as stages, type Stage } from "./stages.ts"

const courtesy = Courtesy.make("10 seconds")

/** How the last ask ended: with a receipt of that outcome, or with an error of that tag. */
export interface Commanded {
  readonly stage: string
  readonly outcome: string
  /** How often the broker passed the command on, by an observer's count. */
  readonly published: number
  /** How often the bolt turned, by the device's count. */
  readonly actuations: number
}

/** How often somebody asks who takes no silence for an answer. */
const impatience = 3

const root = "fibric"

const command = Effect.fnUntraced(function* (broker: Broker, door: string, { rule }: Stage) {
  const proxy = yield* makeProxy(broker.port)
  yield* proxy.setRule((connection) => (connection === 1 ? rule : pass))
  const fibric = courtesy.layer.pipe(
    Layer.provideMerge(Fibric.layerMemory),
    Layer.provide(Settings.layer({ recoverMillis: 50 })),
    Layer.provide(
      Door.layer({
        host: "127.0.0.1",
        port: proxy.port,
        encryption: "none",
        protocol: broker.protocol,
        topics: Door.topicsUnder(root)
      })
    )
  )
  const asking = execute(courtesy.admit.propose(Door.Doors.at(door), { visit: `visit ${door}`, seconds: 5 }))
  return yield* Effect.gen(function* () {
    yield* Effect.replicateEffect(Effect.exit(asking), impatience)
    const known = Effect.retry(asking, {
      while: ({ _tag }) => _tag === "InDoubt",
      schedule: Schedule.spaced("50 millis"),
      times: 60
    })
    return yield* Effect.match(known, {
      onFailure: ({ _tag }): string => _tag,
      onSuccess: ({ receipt }): string => receipt.outcome
    })
  }).pipe(Effect.provide(fibric))
}, Effect.scoped)

/** Listens to all commands that the broker passes on, as the device does, and counts them by door. */
const observe = Effect.fnUntraced(function* (
  broker: Broker
): Effect.fn.Return<{ readonly counts: Effect.Effect<(door: string) => number> }, never, Scope.Scope> {
  const seen: Array<string> = []
  const last = yield* Deferred.make<void>()
  const client = yield* Effect.acquireRelease(
    Effect.promise(() =>
      connectAsync(`mqtt://127.0.0.1:${broker.port}`, { protocolVersion: broker.protocol === "5" ? 5 : 4 })
    ),
    (client) => Effect.promise(() => client.endAsync(true))
  )
  client.on("message", (topic) => {
    if (topic === `${root}/observed`) return void Deferred.doneUnsafe(last, Exit.void)
    seen.push(topic.split("/").at(-2) ?? "")
  })
  yield* Effect.promise(() => client.subscribeAsync([`${root}/+/command`, `${root}/observed`], { qos: 2 }))
  return {
    // What it has sent to itself comes after all that the broker had for it.
    counts: Effect.promise(() => client.publishAsync(`${root}/observed`, "", { qos: 2 })).pipe(
      Effect.andThen(Deferred.await(last)),
      Effect.as((door) => seen.filter((one) => one === door).length)
    )
  }
})

/** Gives so many commands, through the stages in turn, and counts at the broker and at the device. */
export const commanded = Effect.fnUntraced(function* (broker: Broker, commands: number) {
  const doors = Array.from({ length: commands }, (_, index) => ({
    door: String(index + 1),
    // The remainder is an index of the list.
    stage: stages[index % stages.length] as Stage
  }))
  const device = yield* LockDevice.make(broker, { root, doors: doors.map(({ door }) => door) })
  const observer = yield* observe(broker)
  const outcomes = yield* Effect.forEach(doors, ({ door, stage }) => command(broker, door, stage), {
    concurrency: 10
  })
  const publishedTo = yield* observer.counts
  const actuations = yield* device.actuations
  return doors.map(({ door, stage }, index): Commanded => ({
    stage: stage.name,
    outcome: outcomes[index] ?? "none",
    published: publishedTo(door),
    actuations: actuations.filter((actuation) => actuation.door === door).length
  }))
}, Effect.scoped)
