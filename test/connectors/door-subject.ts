/**
 * The door connector as a subject of the laws: against a real broker with a simulated lock device behind
 * it, whose actuations are the effects.
 */
import { Effect, Layer, Redacted } from "effect"
import * as Laws from "fibric/testing/laws"
import * as Door from "../../connectors/door/index.ts"
import type { Broker } from "../support/brokers.ts"
import * as LockDevice from "../support/lock-device.ts"

const password = "correct horse battery staple"

/** Each trial has a device of its own, under a root of its own. */
let trials = 0

const server = Effect.fnUntraced(function* (broker: Broker) {
  const root = `trial-${++trials}`
  const device = yield* LockDevice.make(broker, { root, doors: ["12"] })
  return {
    port: broker.port,
    root,
    effects: Effect.map(device.actuations, (done) => done.map(({ id }): Laws.Happened => ({ key: id })))
  }
})

const visit = { visit: "visit 2041", seconds: 5 }

/** With MQTT 3.1.1 a device refuses in its state alone. */
export const door = (broker: Broker) =>
  Laws.subject({
    name: `door over ${broker.name}, MQTT ${broker.protocol}`,
    server: server(broker),
    connector: ({ host, port }, { root }) =>
      Door.layerAccess.pipe(
        Layer.provide(
          Door.layer({
            host,
            port,
            encryption: "none",
            protocol: broker.protocol,
            user: "fibric",
            password: Redacted.make(password),
            topics: Door.topicsUnder(root)
          })
        )
      ),
    action: Door.unlock.propose(Door.Doors.at("12"), visit),
    refused: Door.unlock.propose(Door.Doors.at("12"), { ...visit, seconds: 60 }),
    secrets: [password],
    // An expiry counts whole seconds: with less than that there is no time to command a door in.
    silence: "3 seconds"
  })
