/**
 * The seal at run time: whoever holds everything that a running fibric shows, and follows every
 * property, symbol, prototype, getter, map and set from there, does not come by a connector's function.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { Connector, execute, Executor, Fibric } from "fibric"
import * as FibricCluster from "fibric/cluster"
import * as FibricConnectorsDoor from "fibric/connectors/door"
import * as FibricConnectorsHttp from "fibric/connectors/http"
import * as FibricConnectorsOrders from "fibric/connectors/orders"
import * as FibricConnectorsSlack from "fibric/connectors/slack"
import * as FibricConnectorsSms from "fibric/connectors/sms"
import * as FibricConnectorsSmtp from "fibric/connectors/smtp"
import * as FibricConnectorsStripe from "fibric/connectors/stripe"
import * as FibricEmbedded from "fibric/embedded"
import * as FibricPostgres from "fibric/postgres"
import * as FibricTelemetry from "fibric/telemetry"
import * as FibricTesting from "fibric/testing"
import * as FibricLaws from "fibric/testing/laws"
import * as FibricIndex from "fibric"
import { readFile } from "node:fs/promises"
import { open, Sealed } from "../../src/kernel/Sealed.ts"
import { Connectors } from "../../src/kernel/Connectors.ts"
import { Notify, Order, payload, sent, shop } from "./support.ts"
import { reachableFrom } from "./reachable.ts"

/** Every public entry of the package. */
const entries = {
  fibric: FibricIndex,
  "fibric/postgres": FibricPostgres,
  "fibric/embedded": FibricEmbedded,
  "fibric/cluster": FibricCluster,
  "fibric/telemetry": FibricTelemetry,
  "fibric/testing": FibricTesting,
  "fibric/testing/laws": FibricLaws,
  "fibric/connectors/door": FibricConnectorsDoor,
  "fibric/connectors/http": FibricConnectorsHttp,
  "fibric/connectors/orders": FibricConnectorsOrders,
  "fibric/connectors/slack": FibricConnectorsSlack,
  "fibric/connectors/sms": FibricConnectorsSms,
  "fibric/connectors/smtp": FibricConnectorsSmtp,
  "fibric/connectors/stripe": FibricConnectorsStripe
}

describe("a connector's function", () => {
  it.effect("can't be reached from anything that a running fibric shows", () =>
    Effect.gen(function* () {
      const notify = () => sent
      const unlock = () => Effect.void
      const implementations = { notify, unlock }
      const layer = shop.toLayer(implementations)
      const running = yield* Layer.build(Layer.provideMerge(layer, Fibric.layerMemory))
      const asked = yield* Effect.provideContext(execute(Notify.propose(Order.at("4471"), payload)), running)
      const shown = reachableFrom([running, asked, shop, Notify, entries])
      assert.isFalse(shown.has(notify), "reached: notify")
      assert.isFalse(shown.has(unlock), "reached: unlock")
      assert.isFalse(shown.has(implementations), "reached: the record of functions")
      // The walk is no formality: it does reach the services and the seal, and stops there.
      const registry = yield* Effect.provideContext(Connectors, running)
      const sealed = yield* registry.holding("notify", Effect.succeed)
      assert.isTrue(shown.has(registry))
      assert.isTrue(shown.has(yield* Effect.provideContext(Executor, running)))
      assert.instanceOf(sealed, Sealed)
      const behindTheSeal = reachableFrom([sealed])
      assert.isTrue(behindTheSeal.has(sealed))
      assert.isFalse(behindTheSeal.has(notify))
    })
  )

  it.effect("can't be reached from the fibers of a program while the call is under way", () =>
    Effect.gen(function* () {
      const reached = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const notify = () =>
        Deferred.succeed(reached, undefined).pipe(Effect.andThen(Deferred.await(goOn)), Effect.andThen(sent))
      const layer = shop.toLayer({ notify, unlock: () => Effect.void })
      const shown = yield* Effect.gen(function* () {
        const asking = yield* Effect.forkChild(execute(Notify.propose(Order.at("4471"), payload)))
        yield* Deferred.await(reached)
        const walked = reachableFrom([asking, Fiber.getCurrent(), yield* Effect.context<never>(), layer])
        assert.isTrue(walked.has(asking))
        yield* Deferred.succeed(goOn, undefined)
        yield* Fiber.join(asking)
        return walked
      }).pipe(Effect.provide(Layer.provideMerge(layer, Fibric.layerMemory)))
      assert.isFalse(shown.has(notify), "reached: notify")
    })
  )

  it("is shown by the seal neither as a property, nor as text, nor when the seal is changed", () => {
    const secret = { perform: () => Effect.succeed("performed"), lookup: undefined, guard: undefined }
    const sealed = new Sealed(Notify, secret)
    assert.deepStrictEqual(Reflect.ownKeys(sealed), [])
    assert.strictEqual(JSON.stringify(sealed), "{}")
    assert.isTrue(Object.isFrozen(sealed))
    assert.throws(() => Object.assign(sealed, { run: secret }), TypeError)
    assert.throws(() => open(Object.create(Sealed.prototype) as Sealed, Notify), TypeError)
    assert.strictEqual(open(sealed, Notify), secret)
  })

  it("can't be run under another capability, whose keys would let it through again", () => {
    const secret = { perform: () => Effect.succeed("performed"), lookup: undefined, guard: undefined }
    const lookalike = { ...Notify, name: "notify-again" }
    const sealed = new Sealed(Notify, secret)
    assert.isUndefined(open(sealed, lookalike))
    assert.strictEqual(open(sealed, Notify), secret)
    assert.isTrue(Object.isFrozen(Notify))
  })

  it.live("is not performed by the laws for a connector that is running", () =>
    Effect.gen(function* () {
      let performed = 0
      const notify = () =>
        Effect.andThen(
          Effect.sync(() => void performed++),
          sent
        )
      const layer = shop.toLayer({ notify, unlock: () => Effect.void })
      const running = yield* Layer.build(Layer.provideMerge(layer, Fibric.layerMemory))
      const registry = yield* Effect.provideContext(Connectors, running)
      const sealed = yield* registry.holding("notify", Effect.succeed)
      assert.instanceOf(sealed, Sealed)
      const registered = Layer.effectDiscard(
        Effect.flatMap(Connectors, ({ register }) =>
          register({ connector: "shop", capability: Notify, sealed })
        )
      )
      const tries = [
        Layer.succeedContext(running),
        Layer.provideMerge(registered, Layer.succeedContext(running))
      ]
      for (const connector of [...tries, Layer.merge(registered, Layer.succeedContext(running))]) {
        const ended = yield* Effect.exit(
          FibricLaws.run({
            name: "shop",
            server: Effect.succeed({ port: 1, effects: Effect.succeed([]) }),
            connector: () => connector,
            action: Notify.propose(Order.at("4471"), payload),
            secrets: []
          })
        )
        assert.strictEqual(ended._tag, "Failure")
      }
      assert.strictEqual(performed, 0)
    })
  )

  it("is not what any public entry exports, nor what opens it", () => {
    const shown = reachableFrom([entries])
    assert.isTrue(shown.has(Connector.make))
    assert.isFalse(shown.has(open), "reached: open")
    assert.isFalse(shown.has(Sealed), "reached: Sealed")
  })

  it("has no path in the package's exports: the entries are named one by one", async () => {
    // The manifest is read as it is published; what it must look like is asserted right below.
    const manifest = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as {
      readonly exports: Record<string, unknown>
    }
    const paths = Object.keys(manifest.exports).filter((path) => path !== "./package.json")
    assert.deepStrictEqual(
      paths.map((path) => path.replace(/^\./, "fibric")),
      Object.keys(entries)
    )
    assert.notInclude(JSON.stringify(manifest.exports), "*")
    assert.notInclude(JSON.stringify(manifest.exports), "kernel")
    for (const inside of [
      "fibric/kernel/Sealed",
      "fibric/src/kernel/Sealed.ts",
      "fibric/dist/src/kernel/Sealed.js"
    ]) {
      const refused = await import(/* @vite-ignore */ inside).then(
        () => "imported",
        (error: unknown) => String(error)
      )
      assert.notStrictEqual(refused, "imported")
    }
  })
})
