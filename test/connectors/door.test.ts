/**
 * The door connector by itself: what it puts on the wire, to whom, and until when.
 */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Clock, ConfigProvider, Effect, Fiber, Layer, Redacted } from "effect"
import * as Door from "../../connectors/door/index.ts"
import { cutWhen, make as makeProxy } from "../../src/testing/TcpProxy.ts"
import * as Brokers from "../support/brokers.ts"
import * as LockDevice from "../support/lock-device.ts"
import { pubcomp, pubrec } from "../support/mqtt-packets.ts"
import * as Scripted from "../support/scripted-broker.ts"
import { callFor, commandOnce, lookUpOnce, options, outcomeOf, unlock } from "./door-support.ts"

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}.pem`, import.meta.url), "utf8")

/** Both real brokers, the second where it is installed. */
const brokers = [
  { name: "aedes", start: Brokers.aedes(), protocol: "3.1.1", missing: false },
  {
    name: `mosquitto${Brokers.withoutMosquitto}`,
    start: Brokers.mosquitto(),
    protocol: "5",
    missing: Brokers.mosquittoPath === undefined
  }
] as const

const root = "building"
const topics = Door.topicsUnder(root)

for (const { missing, name, protocol, start } of brokers) {
  const opened = { protocol, topics, answerTimeout: "10 seconds" } as const

  describe.skipIf(missing)(`a door at ${name}`, () => {
    it.live("is unlocked once, with a command that no latecomer gets", () =>
      Effect.gen(function* () {
        const broker = yield* start
        const device = yield* LockDevice.make(broker, { root, doors: ["12"] })
        const call = callFor("unlock:door-12:visit")
        const result = yield* commandOnce(options(broker.port, opened), call)
        assert.strictEqual(outcomeOf(result), "done by state")
        yield* device.leave
        yield* device.comeBack
        assert.deepStrictEqual(yield* device.actuations, [
          { door: "12", verb: "unlock", id: Door.commandIdFor(call.key) }
        ])
      })
    )

    it.live("is unlocked with nineteen others at a time: no connection puts another one out", () =>
      Effect.gen(function* () {
        const broker = yield* start
        const doors = Array.from({ length: 20 }, (_, index) => `${index}`)
        const device = yield* LockDevice.make(broker, { root, doors })
        const results = yield* Effect.forEach(
          doors,
          (door) =>
            commandOnce(options(broker.port, opened), {
              ...callFor(`unlock:door-${door}`),
              entity: { type: "door", id: door }
            }),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          results.map((result) => result._tag),
          doors.map(() => "Success")
        )
        assert.strictEqual((yield* device.actuations).length, 20)
      })
    )

    it.live("does nothing for a command that waited for it longer than its deadline", () =>
      Effect.gen(function* () {
        const broker = yield* start
        const device = yield* LockDevice.make(broker, { root, doors: ["12"], persistent: true })
        // With 3.1.1 the broker keeps it for ever, and only the device can look at its clock.
        yield* device.behave({ heedsTime: protocol === "3.1.1" })
        yield* device.leave
        const brief = options(broker.port, { ...opened, answerTimeout: "100 millis" })
        const call = callFor("unlock:door-12:visit", 2_500)
        assert.strictEqual(outcomeOf(yield* commandOnce(brief, call)), "OutcomeUnknown")
        // The broker's clock is a real one, and counts whole seconds.
        yield* Effect.sleep("2500 millis")
        yield* device.comeBack
        assert.deepStrictEqual(yield* device.actuations, [])
        assert.strictEqual(yield* lookUpOnce(brief, callFor("unlock:door-12:visit")), "nothing")
      })
    )

    it.live("is unlocked by a command that waited for it, where it comes back in time", () =>
      Effect.gen(function* () {
        const broker = yield* start
        const device = yield* LockDevice.make(broker, { root, doors: ["12"], persistent: true })
        const proxy = yield* makeProxy(broker.port)
        yield* proxy.setRule((connection) =>
          connection === 1 ? cutWhen("server", pubcomp, "before", "reset") : { _tag: "Pass" }
        )
        yield* device.leave
        const call = callFor("unlock:door-12:visit")
        const config = options(proxy.port, opened)
        assert.strictEqual(outcomeOf(yield* commandOnce(config, call)), "OutcomeUnknown")
        assert.strictEqual(yield* lookUpOnce(config, call), "nothing")
        yield* device.comeBack
        assert.strictEqual((yield* device.actuations).length, 1)
        assert.strictEqual(yield* lookUpOnce(config, call), "found")
      })
    )

    it.live("is found unlocked when its word was lost, and not commanded again", () =>
      Effect.gen(function* () {
        const broker = yield* start
        const device = yield* LockDevice.make(broker, { root, doors: ["12"] })
        const proxy = yield* makeProxy(broker.port)
        // Nothing comes back any more.
        yield* proxy.setRule((connection) =>
          connection === 1 ? cutWhen("server", pubcomp, "before", "reset") : { _tag: "Pass" }
        )
        const call = callFor("unlock:door-12:visit")
        const config = options(proxy.port, opened)
        assert.strictEqual(outcomeOf(yield* commandOnce(config, call)), "OutcomeUnknown")
        assert.strictEqual((yield* device.actuations).length, 1)
        assert.strictEqual(yield* lookUpOnce(config, call), "found")
        assert.strictEqual(outcomeOf(yield* commandOnce(config, { ...call, attempt: 2 })), "done by state")
        assert.strictEqual((yield* device.actuations).length, 1)
      })
    )

    it.live("is not commanded where nobody has heard of it", () =>
      Effect.gen(function* () {
        const broker = yield* start
        const device = yield* LockDevice.make(broker, { root, doors: [] })
        const result = yield* commandOnce(options(broker.port, opened), callFor("unlock:door-12", 1_500))
        assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
        assert.deepStrictEqual(yield* device.actuations, [])
      })
    )
  })
}

describe("a command on the wire", () => {
  it.live("goes once at QoS 2, is not retained, names no key, and is worth nothing after its deadline", () =>
    Effect.gen(function* () {
      const broker = yield* Scripted.make({ device: ({ answer }) => [answer(`{"result":"done"}`)] })
      const nowMillis = yield* Clock.currentTimeMillis
      const call = callFor("unlock:door-12:visit of Ada", 10_000, 3)
      yield* commandOnce(options(broker.port), call)
      const packet = broker.packet("publish")
      assert.strictEqual(packet?.cmd, "publish")
      if (packet?.cmd !== "publish") return
      const { correlationData, messageExpiryInterval, responseTopic } = packet.properties ?? {}
      const id = Door.commandIdFor(call.key)
      const { notAfter, ...told } = JSON.parse(packet.payload.toString())
      assert.deepStrictEqual(told, { id, verb: "unlock", seconds: 5 })
      assert.deepStrictEqual([packet.topic, packet.qos, packet.retain], ["doors/12/command", 2, false])
      assert.strictEqual(correlationData?.toString(), `${id}.3`)
      assert.strictEqual(responseTopic, `doors/12/answers/${id}.3`)
      assert.isTrue(notAfter >= nowMillis + 9_000 && notAfter <= nowMillis + 11_000)
      assert.isTrue(messageExpiryInterval === 9 || messageExpiryInterval === 8)
      assert.notInclude(packet.payload.toString(), "Ada")
    })
  )

  it.live("comes from a client that leaves nothing behind and has a name of its own", () =>
    Effect.gen(function* () {
      const broker = yield* Scripted.make({ device: ({ answer }) => [answer(`{"result":"done"}`)] })
      yield* commandOnce(options(broker.port), callFor("one"))
      const packet = broker.packet("connect")
      if (packet?.cmd !== "connect") return assert.fail("nobody connected")
      assert.isTrue(packet.clean)
      assert.strictEqual(packet.properties?.sessionExpiryInterval, 0)
      assert.match(packet.clientId, /^fibric-[0-9a-f-]{36}$/)
      assert.isUndefined(packet.will)
    })
  )

  it.live("is closed with its connection when it is interrupted", () =>
    Effect.gen(function* () {
      const broker = yield* Scripted.make({ pubcomp: "silence" })
      const proxy = yield* makeProxy(broker.port)
      // The cut is only the barrier: once it happened, the command is in the middle of its way.
      yield* proxy.setRule(cutWhen("server", pubrec, "before", "swallow"))
      const commanding = yield* Effect.forkChild(commandOnce(options(proxy.port), callFor("stop")))
      yield* proxy.awaitCut
      yield* Fiber.interrupt(commanding)
      yield* broker.idle
      assert.strictEqual(yield* broker.heard, "connect subscribe publish")
    })
  )

  for (const [what, door, command] of [
    ["a door that is every door", "+", unlock],
    ["a door that is all below it", "#", unlock],
    ["a door with another level in it", "12/command", unlock],
    ["a door with a NUL", "1\u00002", unlock],
    ["a verb with a space", "12", { verb: "unlock all" }],
    ["a duration of no time", "12", { verb: "unlock", seconds: 0 }]
  ] as const) {
    it.live(`is not sent for ${what}, nor is anybody connected to`, () =>
      Effect.gen(function* () {
        const proxy = yield* makeProxy(1)
        const call = { ...callFor("bad"), entity: { type: "door", id: door } }
        const result = yield* commandOnce(options(proxy.port), call, command)
        assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
        assert.strictEqual(yield* proxy.connections, 0)
      })
    )
  }

  it.live("is proven not sent when nobody listens, and when the name is unknown", () =>
    Effect.gen(function* () {
      const gone = yield* Effect.scoped(Effect.map(makeProxy(1), ({ port }) => port))
      const refused = yield* commandOnce(options(gone), callFor("nobody"))
      const unknown = yield* commandOnce(options(gone, { host: "mqtt.invalid" }), callFor("nobody"))
      assert.deepStrictEqual(
        [outcomeOf(refused), outcomeOf(unknown)],
        ["NotPerformed never_sent", "NotPerformed never_sent"]
      )
    })
  )

  for (const [what, more] of [
    ["its port is none", { port: 70_000 }],
    [
      "its topics can't be told",
      {
        topics: () => {
          throw new Error("no such door")
        }
      }
    ]
  ] satisfies ReadonlyArray<readonly [string, Partial<Door.Options>]>) {
    it.live(`is proven not sent where ${what}, and a look-up then says that it could not ask`, () =>
      Effect.gen(function* () {
        const config = options(1, more)
        const result = yield* commandOnce(config, callFor("unlock:door-12"))
        assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
        assert.notInclude(["found", "nothing"], yield* lookUpOnce(config, callFor("unlock:door-12")))
      })
    )
  }

  it.live("trusts no stranger, although the environment says to trust anybody", () =>
    Effect.gen(function* () {
      const broker = yield* Brokers.aedes({ cert: fixture("certificate"), key: fixture("key") })
      yield* Effect.acquireRelease(
        Effect.sync(() => void (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0")),
        () => Effect.sync(() => void delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"])
      )
      const config = options(broker.port, { encryption: "tls", protocol: "3.1.1" })
      // Behind a stranger it would wait for the door's word.
      assert.notStrictEqual(
        yield* lookUpOnce(config, callFor("tls", 500)),
        "it told nothing of itself in time"
      )
    })
  )

  it.live("is sent over TLS to a broker that it can trust, and to no other", () =>
    Effect.gen(function* () {
      const cert = fixture("certificate")
      const broker = yield* Brokers.aedes({ cert, key: fixture("key") })
      const tls = { encryption: "tls", protocol: "3.1.1" } as const
      const trusted = yield* lookUpOnce(options(broker.port, { ...tls, ca: cert }), callFor("tls", 500))
      const distrusted = yield* commandOnce(options(broker.port, tls), callFor("tls"))
      assert.strictEqual(trusted, "it told nothing of itself in time")
      assert.strictEqual(outcomeOf(distrusted), "NotPerformed never_sent")
    })
  )

  it.live("goes where the environment says", () =>
    Effect.gen(function* () {
      const broker = yield* Scripted.make({ device: ({ answer }) => [answer(`{"result":"done"}`)] })
      const environment = ConfigProvider.fromUnknown({
        MQTT_HOST: "127.0.0.1",
        MQTT_PORT: String(broker.port),
        MQTT_ENCRYPTION: "none",
        MQTT_USER: "fibric",
        MQTT_PASSWORD: "open sesame",
        DOOR_TOPICS: "house/doors"
      })
      yield* Effect.flatMap(Door.Door, (door) => door.command(unlock, callFor("config"))).pipe(
        Effect.provide(Door.layerConfig().pipe(Layer.provide(ConfigProvider.layer(environment))))
      )
      const [connect, publish] = [broker.packet("connect"), broker.packet("publish")]
      assert.strictEqual(publish?.cmd === "publish" && publish.topic, "house/doors/12/command")
      assert.strictEqual(connect?.cmd === "connect" && String(connect.password), "open sesame")
    })
  )
})

describe.skipIf(Brokers.mosquittoPath === undefined)(
  `a broker that speaks MQTT 5${Brokers.withoutMosquitto}`,
  () => {
    it.live("is believed when it denies the command", () =>
      Effect.gen(function* () {
        // Everybody may listen, and only the device may write.
        const acl = "topic read #\nuser device\ntopic readwrite #\n"
        const broker = yield* Brokers.mosquitto((folder) => ({
          lines: ["allow_anonymous true", `acl_file ${folder}/acl`],
          files: { acl }
        }))
        const login = { username: "device", password: "device" }
        const device = yield* LockDevice.make(broker, { root, doors: ["12"], login })
        const result = yield* commandOnce(options(broker.port, { topics }), callFor("denied"))
        assert.strictEqual(outcomeOf(result), "NotPerformed provider_denies")
        assert.deepStrictEqual(yield* device.actuations, [])
      })
    )

    it.live("says nothing of a command that nobody hears, so that it stays unknown", () =>
      Effect.gen(function* () {
        const broker = yield* Brokers.mosquitto()
        const device = yield* LockDevice.make(broker, { root, doors: ["12"] })
        yield* device.leave
        const result = yield* commandOnce(options(broker.port, { topics }), callFor("unheard", 1_500))
        assert.strictEqual(outcomeOf(result), "OutcomeUnknown")
      })
    )

    it.live("carries the door's answer where its state comes late", () =>
      Effect.gen(function* () {
        const broker = yield* Brokers.mosquitto()
        const device = yield* LockDevice.make(broker, { root, doors: ["12"] })
        yield* device.behave({ tells: false })
        const result = yield* commandOnce(options(broker.port, { topics }), callFor("answered"))
        assert.strictEqual(outcomeOf(result), "done by answer")
      })
    )

    it.live("lets nobody in with a wrong password, and the password is not told", () =>
      Effect.gen(function* () {
        const broker = yield* Brokers.mosquitto(() => ({ lines: ["allow_anonymous false"] }))
        const result = yield* commandOnce(
          options(broker.port, { user: "fibric", password: Redacted.make("canary-secret") }),
          callFor("login")
        )
        assert.strictEqual(outcomeOf(result), "NotPerformed never_sent")
        assert.notInclude(JSON.stringify(result), "canary-secret")
      })
    )
  }
)
