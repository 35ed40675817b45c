/**
 * The same client library by itself: one command at QoS 1, its reconnect as it comes, and its first three
 * acknowledgements lost.
 */
import { Effect } from "effect"
import { connectAsync } from "mqtt"
import { cutWhen, make as makeProxy, pass } from "../../src/testing/TcpProxy.ts"
import type { Broker } from "../../test/support/brokers.ts"
import * as LockDevice from "../../test/support/lock-device.ts"
import { puback } from "../../test/support/mqtt-packets.ts"

const root = "bare"

const acknowledgement = cutWhen("server", puback, "before", "reset")

const lost = 3

/** How often the bolt turned for the one command. */
export const actuations = Effect.fnUntraced(function* (broker: Broker) {
  const device = yield* LockDevice.make(broker, { root, doors: ["1"] })
  const proxy = yield* makeProxy(broker.port)
  yield* proxy.setRule((connection) => (connection <= lost ? acknowledgement : pass))
  const client = yield* Effect.acquireRelease(
    Effect.promise(() =>
      connectAsync(`mqtt://127.0.0.1:${proxy.port}`, { protocolVersion: broker.protocol === "5" ? 5 : 4 })
    ),
    (client) => Effect.promise(() => client.endAsync(true))
  )
  // It returns once a PUBACK has come through.
  yield* Effect.promise(() =>
    client.publishAsync(`${root}/1/command`, JSON.stringify({ id: "bare", verb: "unlock", seconds: 5 }), {
      qos: 1
    })
  )
  return (yield* device.actuations).length
}, Effect.scoped)
