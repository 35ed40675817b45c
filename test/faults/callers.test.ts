/**
 * What callers, people and operators do all at once, on a real Postgres; and clocks that are wrong.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Layer, Logger, Schema, type Scope } from "effect"
import {
  Capability,
  Connector,
  Entity,
  execute,
  OutcomeUnknown,
  type Receipt,
  ReceiptLog,
  Recoverer,
  Recovery,
  Settings
} from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import type * as Runtime from "../../src/kernel/Runtime.ts"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"
import { fault } from "../support/fault.ts"
import { notify, succeed } from "../support/orders.ts"
import { adminOn, prepared, receiptsOf, runtimeOn } from "./troubled-server.ts"

const story = (sentence: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(sentence, () => Effect.scoped(body()))

describe("a key that a thousand ask for at once", () => {
  story(
    `${fault("a thousand at once")} is performed once, answered with one receipt, and counted a thousand times`,
    () =>
      Effect.gen(function* () {
        const { context, world } = yield* prepared()
        yield* Effect.gen(function* () {
          const answers = yield* Effect.forEach(Array.from({ length: 1_000 }), () => execute(notify("1")), {
            concurrency: "unbounded"
          })
          assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 1)
          assert.strictEqual(world.calls.length, 1)
          const log = yield* ReceiptLog
          const { deduplicated = 0, joined = 0, performed, ...others } = yield* log.totals()
          assert.deepStrictEqual(
            { performed, repeats: joined + deduplicated, others },
            { performed: 1, repeats: 999, others: {} }
          )
        }).pipe(Effect.provideContext(context))
      })
  )
})

describe("bodies that are purged while repeats arrive", () => {
  story(
    `${fault("purge under repeats")} are gone, and every repeat is answered with the receipt, counted, and not performed`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared()
        yield* Effect.gen(function* () {
          const { receipt } = yield* execute(notify("1"))
          const purged = yield* Deferred.make<void>()
          const answers: Array<string> = []
          const ask = Effect.map(execute(notify("1")), ({ receipt }) => void answers.push(receipt.id))
          const asking = yield* Effect.forEach(Array.from({ length: 10 }), () =>
            Effect.forkChild(
              Effect.gen(function* () {
                while (!(yield* Deferred.isDone(purged))) yield* ask
                // And once more, when the body is gone.
                yield* ask
              })
            )
          )
          yield* eventually(
            Effect.andThen(
              sql`SELECT bodies::int FROM fibric.purge_bodies(0, NULL, 1000)`,
              Effect.map(
                sql`SELECT 1 FROM fibric.receipt_log WHERE outcome = 'performed' AND body IS NULL`,
                (rows) => (rows.length > 0 && answers.length > 0 ? true : undefined)
              )
            )
          )
          yield* Deferred.succeed(purged, undefined)
          yield* Effect.forEach(asking, Fiber.join)
          assert.deepStrictEqual(new Set(answers), new Set([receipt.id]))
          assert.strictEqual(world.calls.length, 1)
          const log = yield* ReceiptLog
          assert.deepStrictEqual(yield* log.totals(), { performed: 1, deduplicated: answers.length })
        }).pipe(Effect.provideContext(context))
      })
  )
})

const Parcel = Entity.make("parcel")

const common = {
  entity: Parcel,
  payload: { to: Schema.String },
  success: Schema.Struct({ id: Schema.String }),
  occasion: () => "sent",
  stores: ["to"] as const,
  deadline: "10 seconds"
} as const

/** One verb as it was declared at different times. */
const Held = Capability.make("send", { ...common, recovery: Recovery.hold })
const Resent = Capability.make("send", {
  ...common,
  recovery: Recovery.resend({ window: "1 hour", backoff: 0 })
})
const LookedUp = Capability.make("send", {
  ...common,
  recovery: Recovery.lookup({ lag: 0, every: "1 second", quarantine: 0, releaseAfter: 0 })
})

/** The outcome, or the error's tag. */
const answer = <A extends { readonly receipt: Receipt }, E extends { readonly _tag: string }, R>(
  request: Effect.Effect<A, E, R>
) =>
  Effect.match(request, {
    onSuccess: ({ receipt }): string => receipt.outcome,
    onFailure: ({ _tag }): string => _tag
  })

const lost = Effect.fail(new OutcomeUnknown({ reason: "the connection was reset" }))

describe("a key in doubt whose capability declares another recovery now", () => {
  /** A fibric on that database, with the verb as it is declared now; it counts what reaches the provider. */
  const declared = Effect.fnUntraced(function* (
    url: Parameters<typeof runtimeOn>[0],
    connector: Layer.Layer<Connector.Handler<"send">, unknown, Runtime.Services>
  ) {
    return yield* Layer.build(
      Layer.provideMerge(connector, layerPostgres).pipe(
        Layer.provide(PgClient.layer({ url, maxConnections: 1 })),
        Layer.provide([Settings.layer({ drainMillis: 0, recoverMillis: 3_600_000 }), Logger.layer([])])
      )
    )
  })

  /** What reaches the provider. */
  const makeProvider = () => {
    const provider = {
      calls: 0,
      lookups: 0,
      answer: lost as Effect.Effect<{ readonly id: string }, OutcomeUnknown>
    }
    const perform = () => Effect.suspend(() => ((provider.calls += 1), provider.answer))
    const lookup = () => Effect.suspend(() => ((provider.lookups += 1), Effect.succeedNone))
    return {
      provider,
      held: Connector.make("parcels", Held).toLayer({ send: perform }),
      resent: Connector.make("parcels", Resent).toLayer({ send: perform }),
      lookedUp: Connector.make("parcels", LookedUp).toLayer({ send: { perform, lookup } })
    }
  }

  const parcel = Parcel.at("1")
  const payload = { to: "ada" }
  const ask = {
    held: answer(execute(Held.propose(parcel, payload))),
    resent: answer(execute(Resent.propose(parcel, payload))),
    lookedUp: answer(execute(LookedUp.propose(parcel, payload)))
  } as const

  /** Falls in doubt as it was declared, is recovered and asked for as it is declared now: what came of it. */
  const changed = Effect.fnUntraced(function* (
    before: keyof typeof ask,
    now: keyof typeof ask,
    expected = "InDoubt"
  ) {
    const { url } = yield* ledgerDatabase
    const { provider, ...connectors } = makeProvider()
    const within = <A, E>(
      declaration: keyof typeof ask,
      effect: Effect.Effect<A, E, Runtime.Services | Connector.Handler<"send">>
    ) =>
      Effect.scoped(
        Effect.flatMap(declared(url, connectors[declaration]), (context) =>
          Effect.provideContext(effect, context)
        )
      )
    assert.strictEqual(yield* within(before, ask[before]), "InDoubt")
    provider.answer = Effect.succeed({ id: "2" })
    const told = yield* within(
      now,
      Effect.andThen(
        Effect.flatMap(Recoverer, ({ recoverDue }) => recoverDue),
        eventually(Effect.map(ask[now], (told) => (told === expected ? told : undefined)))
      )
    )
    return { calls: provider.calls, lookups: provider.lookups, told }
  })

  story(
    `${fault("recovery changed")} is not sent again, and nobody is asked, where it only held before`,
    () =>
      Effect.gen(function* () {
        const untouched = { calls: 1, lookups: 0, told: "InDoubt" }
        assert.deepStrictEqual(yield* changed("held", "resent"), untouched)
        assert.deepStrictEqual(yield* changed("held", "lookedUp"), untouched)
      })
  )

  story(`${fault("recovery changed")} is not sent again by one that does not declare it any more`, () =>
    Effect.gen(function* () {
      const untouched = { calls: 1, lookups: 0, told: "InDoubt" }
      assert.deepStrictEqual(yield* changed("resent", "held"), untouched)
      assert.deepStrictEqual(yield* changed("resent", "lookedUp"), untouched)
      // As it was declared, and still is. The recovery on start may have it under way: then it is asked again.
      const sent = { calls: 2, lookups: 0, told: "performed" }
      assert.deepStrictEqual(yield* changed("resent", "resent", sent.told), sent)
    })
  )

  story(`${fault("recovery changed")} stays in doubt where the connector can't look it up any more`, () =>
    Effect.gen(function* () {
      const untouched = { calls: 1, lookups: 0, told: "InDoubt" }
      assert.deepStrictEqual(yield* changed("lookedUp", "held"), untouched)
      assert.deepStrictEqual(yield* changed("lookedUp", "resent"), untouched)
    })
  )
})

describe("two processes whose clocks are an hour ahead and an hour behind", () => {
  const real = Effect.runSync(Clock.Clock)
  /** A clock that tells another time and runs like any other. */
  const shifted = (byMillis: number): Clock.Clock =>
    Object.assign(Object.create(real) as Clock.Clock, {
      currentTimeMillisUnsafe: () => real.currentTimeMillisUnsafe() + byMillis,
      currentTimeMillis: Effect.map(real.currentTimeMillis, (millis) => millis + byMillis),
      currentTimeNanosUnsafe: () => real.currentTimeNanosUnsafe() + BigInt(byMillis) * 1_000_000n,
      currentTimeNanos: Effect.map(real.currentTimeNanos, (nanos) => nanos + BigInt(byMillis) * 1_000_000n)
    })
  const hour = 3_600_000

  story(
    `${fault("application clock off")} call nothing doubtful that the other one has under way, and share one receipt`,
    () =>
      Effect.gen(function* () {
        const { url } = yield* ledgerDatabase
        const sql = yield* adminOn(url)
        const behind = yield* Effect.provideService(
          runtimeOn(url, { reapMillis: hour }),
          Clock.Clock,
          shifted(-hour)
        )
        const ahead = yield* Effect.provideService(
          runtimeOn(url, { reapMillis: 50 }),
          Clock.Clock,
          shifted(hour)
        )
        const gate = yield* Deferred.make<void>()
        behind.world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
        const ask = (id: string) =>
          Effect.forkChild(Effect.provideContext(execute(notify(id)), behind.context), {
            startImmediately: true
          })
        const asking = yield* ask("1")
        yield* ask("2")
        yield* behind.world.started(2)
        // One whose time is over, so that the other one is seen to have looked for such rows.
        yield* sql`UPDATE fibric.ledger SET doubt_at = clock_timestamp() WHERE entity_id = '2'`
        const states = sql<{ state: string }>`SELECT state FROM fibric.ledger ORDER BY entity_id`
        yield* eventually(Effect.map(states, (rows) => (rows[1]?.state === "in_doubt" ? true : undefined)))
        assert.deepStrictEqual(yield* states, [{ state: "performing" }, { state: "in_doubt" }])
        const joining = yield* Effect.forkChild(Effect.provideContext(execute(notify("1")), ahead.context), {
          startImmediately: true
        })
        yield* Deferred.succeed(gate, undefined)
        const [one, other] = [yield* Fiber.join(asking), yield* Fiber.join(joining)]
        assert.strictEqual(one.receipt.id, other.receipt.id)
        assert.deepStrictEqual([behind.world.calls.length, ahead.world.calls.length], [2, 0])
        assert.strictEqual((yield* Effect.provideContext(receiptsOf("1"), ahead.context))[0], "performed")
      })
  )
})
