/**
 * A real Postgres behind a wire that loses what networks lose, and which is shut down at once in the middle
 * of an action. Both are those of the chaos harness; here one thing goes wrong at a time.
 */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { execute } from "fibric"
import * as Server from "../../scripts/chaos/Server.ts"
import * as Wire from "../../scripts/chaos/Wire.ts"
import { fault } from "../support/fault.ts"
import { notify, succeed } from "../support/orders.ts"
import { receiptsOf, runtimeOn } from "./troubled-server.ts"

/** One server for all of these tests: to make one takes longer than most of them. */
const scope = Scope.makeUnsafe()
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

let opened: Promise<Server.Server> | undefined
const opening = (): Promise<Server.Server> =>
  Effect.runPromise(Scope.provide(Effect.flatMap(Server.newDirectory, Server.make), scope))

/** A fibric that reaches the server over a wire of its own. */
const prepared = Effect.gen(function* () {
  const server = yield* Effect.promise(() => (opened ??= opening()))
  const wire = yield* Wire.make(server.socket)
  return { server, wire, ...(yield* runtimeOn(server.urlAt(wire.port))) }
})

const claim = /"_tag":"Hold"/
/** It carries what the connector answered. */
const settlement = /messageId/

/** The next claim, and the next settlement, lose this. */
const losing = (wire: Wire.Wire, loss: Wire.Loss) =>
  Effect.forEach(
    [claim, settlement],
    (pattern) =>
      // It is taken back with the test.
      Effect.forkScoped(wire.cut({ loss, pattern, afterMillis: 300 }, 60_000), { startImmediately: true }),
    { discard: true }
  )

const story = (sentence: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(sentence, () => Effect.scoped(body()))

/** Loses it at the claim and at the settlement of an order; both have to be met. */
const loses = Effect.fnUntraced(function* (id: string, loss: Wire.Loss) {
  const { context, wire, world } = yield* prepared
  yield* losing(wire, loss)
  yield* Effect.gen(function* () {
    const { receipt } = yield* execute(notify(id))
    assert.deepStrictEqual([receipt.outcome, receipt.attempt], ["performed", 1])
    assert.strictEqual((yield* wire.cuts)[loss], 2)
    assert.strictEqual(world.calls.length, 1)
    assert.deepStrictEqual(yield* receiptsOf(id), ["performed"])
    assert.strictEqual((yield* execute(notify(id))).receipt.id, receipt.id)
  }).pipe(Effect.provideContext(context))
})

describe("an action over a wire", () => {
  story(
    `${fault("request lost")} that loses its claim and its settlement on the way is performed once, with one receipt`,
    () => loses("request", "request")
  )

  story(
    `${fault("request lost")} that breaks in the middle of its claim and of its settlement is performed once, with one receipt`,
    () => loses("half", "half")
  )

  story(
    `${fault("reply lost")} that breaks in place of the answers to its claim and to its settlement is performed once, with one receipt`,
    () => loses("reply", "reply")
  )

  story(
    `${fault("one way lost")} on which its claim and its settlement arrive, and nothing comes back, is performed once, with one receipt`,
    () => loses("silence", "silence")
  )

  story(
    `${fault("delay")} on which every answer is late is performed once, and called doubtful by nobody`,
    () =>
      Effect.gen(function* () {
        const { context, wire, world } = yield* prepared
        yield* Effect.forkScoped(wire.delay(400, 60_000), { startImmediately: true })
        yield* Effect.gen(function* () {
          const { receipt } = yield* execute(notify("delay"))
          assert.deepStrictEqual([receipt.outcome, receipt.attempt, world.calls.length], ["performed", 1, 1])
          assert.deepStrictEqual(yield* receiptsOf("delay"), ["performed"])
        }).pipe(Effect.provideContext(context))
      })
  )
})

describe("a server that is shut down at once and started again", () => {
  story(
    `${fault("server restarted")} during a call has kept the claim, and is told how the call ended: one effect, one receipt`,
    () =>
      Effect.gen(function* () {
        const { context, server, world } = yield* prepared
        const gate = yield* Deferred.make<void>()
        world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
        yield* Effect.gen(function* () {
          const asking = yield* Effect.forkChild(execute(notify("restart")), { startImmediately: true })
          yield* world.started(1)
          yield* server.restart
          yield* Deferred.succeed(gate, undefined)
          const { receipt } = yield* Fiber.join(asking)
          assert.deepStrictEqual([receipt.outcome, receipt.attempt, world.calls.length], ["performed", 1, 1])
          assert.deepStrictEqual(yield* receiptsOf("restart"), ["performed"])
        }).pipe(Effect.provideContext(context))
      })
  )

  story(
    `${fault("server restarted")} has kept what it confirmed: who asks afterwards gets that receipt, and nothing is performed again`,
    () =>
      Effect.gen(function* () {
        const { context, server, world } = yield* prepared
        yield* Effect.gen(function* () {
          const { receipt } = yield* execute(notify("kept"))
          yield* server.restart
          assert.strictEqual((yield* execute(notify("kept"))).receipt.id, receipt.id)
          assert.strictEqual(world.calls.length, 1)
          assert.deepStrictEqual(yield* receiptsOf("kept"), ["performed", "deduplicated"])
        }).pipe(Effect.provideContext(context))
      })
  )
})
