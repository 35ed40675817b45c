/**
 * Http under the executor: a flood, a refusal, and lost answers that the declared recovery resolves.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schedule } from "effect"
import { Connector, execute, Fibric, type Performed, Recoverer } from "fibric"
import * as Http from "fibric/connectors/http"
import { cutWhen, make as makeProxy, pass } from "../../src/testing/TcpProxy.ts"
import { fault } from "../support/fault.ts"
import { provider } from "./http-provider.ts"
import { Collect, collecting, how, Invoice, layerAt, Pay, Settle } from "./http-subject.ts"

const payments = Connector.make("payments", Pay, Settle, Collect).toLayer({
  pay: Http.performing(Pay, how),
  settle: Http.performing(Settle, how),
  collect: collecting
})

const over = (port: number) =>
  payments.pipe(
    Layer.provide(layerAt("http", { host: "127.0.0.1", port })),
    Layer.provideMerge(Fibric.layerMemory)
  )

/** The provider behind a wire on which the first answer is lost. */
const lossy = Effect.gen(function* () {
  const { effects, port } = yield* provider("http")
  const proxy = yield* makeProxy(port)
  const lost = cutWhen("server", /^HTTP/, "before", "reset")
  yield* proxy.setRule((connection) => (connection === 1 ? lost : pass))
  return { charges: effects, proxy }
})

const cents = { cents: 420 }

/** How the first ask ends, and what the asks come to once the doubt is dealt with. */
const resolved = Effect.fnUntraced(function* <A, E extends { readonly _tag: string }, R>(
  asking: Effect.Effect<Performed<A>, E, R>
) {
  const doubt = yield* Effect.flip(asking)
  const recoverer = yield* Recoverer
  // Due after a while of the ledger's clock, and perhaps dealt with in the background.
  const settled = Effect.andThen(recoverer.recoverDue, asking)
  const after = yield* Effect.retry(settled, Schedule.spaced("20 millis"))
  return [doubt._tag, Option.getOrUndefined(after.output)]
})

describe("a request through the executor", () => {
  it.live("answers 657 asks with one charge and one receipt", () =>
    Effect.gen(function* () {
      const { effects, port } = yield* provider("http")
      const answers = yield* Effect.all(
        Array.from({ length: 657 }, () => execute(Pay.propose(Invoice.at("7"), cents))),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(over(port)))
      assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
      assert.strictEqual((yield* effects).length, 1)
    })
  )

  it.live(`${fault("refused, then repeated")} replays a refusal without asking the provider again`, () =>
    Effect.gen(function* () {
      const { port } = yield* provider("http")
      const proxy = yield* makeProxy(port)
      const refusals = yield* Effect.replicateEffect(
        Effect.flip(execute(Pay.propose(Invoice.at("8"), { cents: 5_000 }))),
        2
      ).pipe(Effect.provide(over(proxy.port)))
      const said = `402: {"error":{"code":"card_declined","seen":"<redacted>"}}`
      assert.deepStrictEqual(
        refusals.map((refusal) => [refusal._tag, "said" in refusal ? refusal.said : ""]),
        [
          ["Declined", said],
          ["Declined", said]
        ]
      )
      assert.strictEqual(yield* proxy.connections, 1)
    })
  )

  it.live("is in doubt when its answer is lost, and stays so where nobody can be asked", () =>
    Effect.gen(function* () {
      const { charges, proxy } = yield* lossy
      const tags = yield* Effect.replicateEffect(
        Effect.flip(execute(Pay.propose(Invoice.at("7"), cents))),
        3
      ).pipe(Effect.provide(over(proxy.port)))
      assert.deepStrictEqual(
        tags.map(({ _tag }) => _tag),
        ["InDoubt", "InDoubt", "InDoubt"]
      )
      assert.deepStrictEqual([(yield* charges).length, yield* proxy.connections], [1, 1])
    })
  )

  it.live("is resolved by sending it again under its key, with one charge, when its answer is lost", () =>
    Effect.gen(function* () {
      const { charges, proxy } = yield* lossy
      const asking = resolved(execute(Settle.propose(Invoice.at("7"), cents)))
      const seen = yield* Effect.provide(asking, over(proxy.port))
      assert.deepStrictEqual(seen, ["InDoubt", { id: "ch_1" }])
      assert.deepStrictEqual([(yield* charges).length, yield* proxy.connections], [1, 2])
    })
  )

  it.live("is resolved by asking the provider, with one charge, when its answer is lost", () =>
    Effect.gen(function* () {
      const { charges, proxy } = yield* lossy
      const asking = resolved(execute(Collect.propose(Invoice.at("7"), cents)))
      const seen = yield* Effect.provide(asking, over(proxy.port))
      assert.deepStrictEqual(seen, ["InDoubt", { id: "ch_1" }])
      assert.deepStrictEqual([(yield* charges).length, yield* proxy.connections], [1, 2])
    })
  )
})
