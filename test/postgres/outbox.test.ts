/**
 * The outbox in Postgres: what is proposed in a transaction is there if and only if it commits, from whatever
 * client or language; what it costs; and deliverers that die or freeze.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Deferred, Effect, Fiber, Layer, Logger, Redacted, Schema, String } from "effect"
import {
  Capability,
  Connector,
  Entity,
  execute,
  Operator,
  Outbox,
  ReceiptLog,
  Recovery,
  Settings
} from "fibric"
import * as FibricPostgres from "fibric/postgres"
import * as Backlog from "../../src/postgres/backlog.ts"
import * as Deliveries from "../../src/postgres/deliveries.ts"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"
import { typed } from "../surface/support.ts"
import { freshRole, onDatabase, secret, withParts } from "./support.ts"

const Order = Entity.make("order")

const Notify = Capability.make("notify", {
  entity: Order,
  payload: { what: Schema.String, text: Schema.String },
  success: Schema.Struct({ number: Schema.Int }),
  occasion: ({ what }) => what,
  recovery: Recovery.hold,
  deadline: "20 seconds",
  stores: ["what", "text"]
})

const notify = (id: string, what: string, text = "hello") => Notify.propose(Order.at(id), { what, text })

/** An app's client, and nothing of fibric. */
const appClient = (url: Redacted.Redacted<string>, changes: Omit<PgClient.PgPoolConfig, "url"> = {}) =>
  PgClient.layer({ url, maxConnections: 3, ...changes })

const makeWorld = () => {
  const world = {
    calls: [] as Array<string>,
    answer: (_call: string): Effect.Effect<{ readonly number: number }> => Effect.succeed({ number: 1 })
  }
  const connector = Connector.make("test", Notify).toLayer({
    notify: ({ what }, { entity }) =>
      Effect.suspend(() => {
        const call = `${entity.id} ${what}`
        world.calls.push(call)
        return world.answer(call)
      })
  })
  return { world, connector }
}

/** A process that delivers. */
const delivering = (
  connector: ReturnType<typeof makeWorld>["connector"],
  url: Redacted.Redacted<string>,
  bounds: Partial<Settings.Bounds> = {}
) =>
  Outbox.layerDelivery.pipe(
    Layer.provideMerge(connector),
    Layer.provideMerge(FibricPostgres.layer),
    Layer.provide(Settings.layer({ drainMillis: 0, maxDeliverPollMillis: 100, ...bounds })),
    Layer.provide([PgClient.layer({ url, maxConnections: 2 }), Logger.layer([])])
  )

const rowsIn = (url: Redacted.Redacted<string>) =>
  onDatabase(
    url,
    (sql) => sql<{ entity_id: string; operator: string; payload: unknown }>`
      SELECT entity_id, operator, payload FROM fibric.proposal ORDER BY position`
  )

/** Until nothing waits. */
const emptied = eventually(
  Effect.gen(function* () {
    const outbox = yield* Outbox.Outbox
    yield* Effect.sleep("20 millis")
    return (yield* outbox.backlog(1)).length === 0 ? true : undefined
  })
)

class Undone extends Schema.TaggedError<Undone>()("Undone", {}) {}

describe("Outbox.propose", () => {
  it.live("writes in the caller's transaction: what is rolled back was never proposed", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* sql`CREATE TABLE shop (id text)`
        const sold = (id: string) =>
          Effect.andThen(sql`INSERT INTO shop VALUES (${id})`, Outbox.propose(notify(id, "sold")))
        yield* sql.withTransaction(sold("1"))
        yield* Effect.flip(sql.withTransaction(Effect.andThen(sold("2"), new Undone())))
        yield* sql.withTransaction(
          Effect.andThen(
            sold("3"),
            Effect.ignore(sql.withTransaction(Effect.andThen(sold("4"), new Undone())))
          )
        )
        assert.deepStrictEqual(yield* sql`SELECT id FROM shop ORDER BY id`, [{ id: "1" }, { id: "3" }])
      }).pipe(Effect.provide(appClient(url)), Operator.as("shop"))
      assert.deepStrictEqual(
        (yield* rowsIn(url)).map(({ entity_id, operator }) => `${entity_id} ${operator}`),
        ["1 shop", "3 shop"]
      )
    })
  )

  it.live("is not delivered before its commit, and soon after it", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const { connector, world } = makeWorld()
      yield* Effect.gen(function* () {
        const open = yield* Deferred.make<void>()
        const proposed = yield* Deferred.make<void>()
        const transaction = yield* Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* Outbox.propose(notify("1", "sold"))
              yield* Deferred.succeed(proposed, undefined)
              yield* Deferred.await(open)
            })
          )
        }).pipe(Effect.provide(appClient(url)), Effect.forkChild)
        yield* Deferred.await(proposed)
        // What is proposed later, for others and for the same entity, does not wait for it.
        yield* Outbox.enqueue(notify("2", "sold"))
        yield* Outbox.enqueue(notify("1", "paid"))
        yield* emptied
        assert.deepStrictEqual(world.calls.toSorted(), ["1 paid", "2 sold"])
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.join(transaction)
        yield* emptied
        assert.deepStrictEqual(world.calls[2], "1 sold")
      }).pipe(Effect.provide(delivering(connector, url)))
    })
  )

  it.live("works over a client that renames everything", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const reversed = (name: string) => [...name].toReversed().join("")
      const clients = [
        { transformQueryNames: String.camelToSnake, transformResultNames: String.snakeToCamel },
        { transformQueryNames: reversed, transformResultNames: reversed, transformJson: true }
      ]
      for (const [index, client] of clients.entries()) {
        const position = yield* Effect.provide(
          Outbox.propose(notify(`${index}`, "sold", "deep_snake deepCamel")),
          appClient(url, client)
        )
        assert.isTrue(position > 0n)
      }
      assert.deepStrictEqual(
        (yield* rowsIn(url)).map(({ payload }) => payload),
        [0, 1].map(() => ({ what: "sold", text: "deep_snake deepCamel" }))
      )
    })
  )

  it.live("refuses what execute would, and what may not be stored, and leaves the transaction usable", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const Partly = Capability.make("partly", {
        entity: Order,
        payload: { to: Schema.String, text: Schema.String },
        success: Schema.Void,
        occasion: () => "once",
        recovery: Recovery.hold,
        deadline: "20 seconds",
        stores: ["to"]
      })
      const Secretive = Capability.make("secretive", {
        entity: Order,
        payload: { token: Schema.Redacted(Schema.String) },
        success: Schema.Void,
        occasion: () => "once",
        recovery: Recovery.hold,
        deadline: "20 seconds",
        stores: ["token"]
      })
      const refusals = yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        return yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* Outbox.propose(notify("1", "a"))
            const refused = yield* Effect.all([
              Effect.flip(Outbox.propose(notify("", "a"))),
              Effect.flip(Outbox.propose(notify("1", ""))),
              // A payload that its type would not allow, as it comes from elsewhere.
              Effect.flip(Outbox.propose(notify("1", 7 as unknown as string))),
              Effect.flip(Outbox.propose(notify("1", "a")).pipe(Operator.as("x".repeat(129)))),
              Effect.flip(Outbox.propose(Partly.propose(Order.at("1"), { to: "ada", text: "hello" }))),
              Effect.flip(
                Outbox.propose(Secretive.propose(Order.at("1"), { token: Redacted.make("canary-4711") }))
              ),
              Effect.flip(Outbox.propose(notify("1", "b")))
            ])
            yield* Outbox.propose(notify("2", "a"))
            return refused
          })
        )
      }).pipe(Effect.provide([appClient(url), Settings.layer({ outboxCapacity: 1 })]))
      assert.deepStrictEqual(
        refusals.map(({ _tag }) => _tag),
        [
          "InvalidKey",
          "InvalidKey",
          "InvalidPayload",
          "InvalidOperator",
          "NotStorable",
          "NotStorable",
          "OutboxFull"
        ]
      )
      assert.include(refusals[4].message, `its "stores" leaves out text`)
      assert.include(refusals[5].message, "a secret at /token")
      assert.deepStrictEqual(
        (yield* rowsIn(url)).map(({ entity_id }) => entity_id),
        ["1", "2"]
      )
    })
  )

  it.live("with a time is due by the database's clock", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      yield* Effect.gen(function* () {
        yield* Outbox.propose(notify("1", "a"), { after: "90 seconds" })
        yield* Outbox.propose(notify("2", "a"), { dueAt: DateTime.makeUnsafe("2031-05-06T07:08:09.123Z") })
        yield* Outbox.propose(notify("3", "a"))
      }).pipe(Effect.provide(appClient(url)))
      const due = yield* onDatabase(
        url,
        (sql) => sql`
          SELECT entity_id, CASE WHEN entity_id = '2' THEN (due_at AT TIME ZONE 'UTC')::text
            ELSE round(extract(epoch FROM due_at - proposed_at))::text END AS due
          FROM fibric.proposal ORDER BY position`
      )
      assert.deepStrictEqual(due, [
        { entity_id: "1", due: "90" },
        { entity_id: "2", due: "2031-05-06 07:08:09.123" },
        { entity_id: "3", due: "0" }
      ])
    })
  )

  it.live("is what execute inside a transaction names", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const { connector } = makeWorld()
      const error = yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        return yield* Effect.flip(sql.withTransaction(execute(notify("1", "a"))))
      }).pipe(Effect.provide([delivering(connector, url), appClient(url)]))
      assert.include(
        error.message,
        "propose it through the outbox, with Outbox.propose inside the transaction"
      )
    })
  )
})

describe("fibric.propose", () => {
  /** A role that may do nothing but propose, and what it gets for a statement. */
  const proposer = Effect.gen(function* () {
    const { name } = yield* freshRole
    const { url } = yield* ledgerDatabase
    yield* onDatabase(url, (sql) =>
      Effect.all([
        sql`GRANT USAGE ON SCHEMA fibric TO ${sql(name)}`,
        sql`GRANT EXECUTE ON FUNCTION fibric.propose(text, text, text, jsonb, text, timestamptz) TO ${sql(name)}`
      ])
    )
    return { name, url, as: withParts(url, { username: name, password: secret }) }
  })

  it.live("takes a proposal from a role that may do nothing else, in its name; it is delivered", () =>
    Effect.gen(function* () {
      const { as, name, url } = yield* proposer
      yield* onDatabase(as, (sql) =>
        Effect.gen(function* () {
          yield* sql`SELECT fibric.propose('notify', 'order', '1', '{"what": "sold", "text": "hello"}')`
          yield* sql`
            SELECT fibric.propose(capability => 'notify', entity_type => 'order', entity_id => '2',
              payload => '{"what": "sold", "text": "hello"}', operator => 'billing', due_at => now() - interval '1 hour')`
          const refused = yield* Effect.flip(sql`SELECT position FROM fibric.proposal`)
          assert.strictEqual(refused.reason._tag, "AuthorizationError")
        })
      )
      const { connector, world } = makeWorld()
      const operators = yield* Effect.gen(function* () {
        yield* emptied
        const { receipts } = yield* (yield* ReceiptLog).query({}, { order: "oldest" })
        return receipts.map(({ operator }) => operator)
      }).pipe(Effect.provide(delivering(connector, url)))
      assert.deepStrictEqual(world.calls.toSorted(), ["1 sold", "2 sold"])
      assert.deepStrictEqual(operators.toSorted(), ["billing", name].toSorted())
    })
  )

  it.live("says in words what it refuses", () =>
    Effect.gen(function* () {
      const { as } = yield* proposer
      const said = yield* onDatabase(as, (sql) => {
        const refusal = (statement: Effect.Effect<unknown, import("effect/sql").SqlError.SqlError>) =>
          Effect.map(Effect.flip(statement), ({ reason }) => (reason.cause as Error).message)
        return Effect.all([
          refusal(sql`SELECT fibric.propose('', 'order', '1', '{}')`),
          refusal(sql`SELECT fibric.propose('notify', 'order', NULL, '{}')`),
          refusal(sql`SELECT fibric.propose('notify', repeat('x', 65), '1', '{}')`),
          refusal(sql`SELECT fibric.propose('notify', 'order', repeat('😀', 129), '{}')`),
          refusal(sql`SELECT fibric.propose('notify', 'order', '1', NULL)`),
          refusal(sql`SELECT fibric.propose('notify', 'order', '1', to_jsonb(repeat('x', 262144)))`),
          Effect.as(sql`SELECT fibric.propose('notify', 'order', repeat('😀', 128), '{}')`, "it took that")
        ])
      })
      assert.deepStrictEqual(said, [
        "Nothing was proposed: capability is empty",
        "Nothing was proposed: entity_id is empty",
        "Nothing was proposed: entity_type has 65 characters, more than 64",
        "Nothing was proposed: entity_id has 258 characters, more than 256",
        "Nothing was proposed: payload is NULL",
        "Nothing was proposed: payload has 262146 bytes as JSON, more than 262144",
        "it took that"
      ])
    })
  )

  it.live("refuses one more where ten thousand of the entity wait, and counts no further", () =>
    Effect.gen(function* () {
      const { as, url } = yield* proposer
      yield* onDatabase(
        url,
        (sql) => sql`
          INSERT INTO fibric.proposal (capability, entity_type, entity_id, payload, operator, due_at)
          SELECT 'notify', 'order', '1', '{}', 'ada', now() FROM generate_series(1, 10000)`
      )
      const said = yield* onDatabase(as, (sql) =>
        Effect.map(
          Effect.flip(sql`SELECT fibric.propose('notify', 'order', '1', '{}')`),
          ({ reason }) => (reason.cause as Error).message
        )
      )
      assert.strictEqual(said, "Nothing was proposed: 10000 actions of order-1 wait in the outbox already")
      yield* onDatabase(as, (sql) => sql`SELECT fibric.propose('notify', 'order', '2', '{}')`)
    })
  )
})

describe("taking", () => {
  it.live("reads no more with ten thousand rows behind each entity's first than with one", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const read = yield* onDatabase(url, (sql) =>
        Effect.gen(function* () {
          yield* sql`
            INSERT INTO fibric.proposal (capability, entity_type, entity_id, payload, operator, due_at, fresh)
            SELECT 'notify', 'order', (number % 10)::text, '{}', 'ada', now(), false
            FROM generate_series(1, 100000) AS number`
          yield* sql`
            INSERT INTO fibric.outbox_lane (entity_type, entity_id, next_at)
            SELECT 'order', number::text, now() FROM generate_series(0, 9) AS number`
          yield* sql`ANALYZE fibric.proposal`
          const readSoFar = Effect.map(
            Effect.andThen(
              sql`SELECT pg_stat_force_next_flush()`,
              sql<{ rows: number }>`
                SELECT (seq_tup_read + idx_tup_fetch)::integer AS rows FROM pg_stat_all_tables
                WHERE relid = 'fibric.proposal'::regclass`
            ),
            ([row]) => row?.rows ?? NaN
          )
          const before = yield* readSoFar
          assert.isTrue(yield* Deliveries.look(sql, ["notify"]))
          const taken = yield* Deliveries.take(sql, ["notify"], 5, 60_000)
          assert.deepStrictEqual(
            taken.map(({ position }) => position < 11n),
            [true, true, true, true, true]
          )
          yield* Deliveries.deliver(
            sql,
            taken.map((row) => ({
              taken: row,
              delivered: { _tag: "End", outcome: "performed", receipt: null }
            }))
          )
          assert.strictEqual((yield* Deliveries.take(sql, ["notify"], 10, 60_000)).length, 10)
          return (yield* readSoFar) - before
        })
      )
      assert.isBelow(read, 100)
    })
  )
})

describe("dead letters", () => {
  it.live("come in the order of their positions, however many digits these have", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const positions = yield* onDatabase(url, (sql) =>
        Effect.gen(function* () {
          yield* sql`
            INSERT INTO fibric.proposal (
              position, capability, entity_type, entity_id, payload, operator, due_at,
              state, fresh, buried_at, deliveries, reason
            ) OVERRIDING SYSTEM VALUE
            SELECT number, 'notify', 'order', '1', '{}', 'ada', now(), 'dead', false, now(), 1, 'it does not fit'
            FROM generate_series(8, 11) AS number`
          return (yield* Backlog.deadLetters(sql, 3)).map(({ position }) => position)
        })
      )
      assert.deepStrictEqual(positions, [8n, 9n, 10n])
    })
  )
})

describe("an entity's order", () => {
  it.live("holds while somebody else looks at its first row, and nobody waits for him", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      yield* Effect.provide(
        Effect.forEach(["a", "b"], (what) => Outbox.propose(notify("1", what))),
        appClient(url)
      )
      const held = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const looking = yield* onDatabase(url, (sql) =>
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`SELECT 1 FROM fibric.proposal ORDER BY position LIMIT 1 FOR UPDATE`
            yield* Deferred.succeed(held, undefined)
            yield* Deferred.await(release)
          })
        )
      ).pipe(Effect.forkChild)
      yield* Deferred.await(held)
      const [first, ...more] = yield* onDatabase(url, (sql) =>
        Effect.andThen(Deliveries.look(sql, ["notify"]), Deliveries.take(sql, ["notify"], 10, 60_000))
      )
      assert.deepStrictEqual([first?.payload, more], [{ what: "a", text: "hello" }, []])
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(looking)
    })
  )
})

describe("deliverers", () => {
  it.live("that die leave their row to others, who deliver it before the entity's next one", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const { connector, world } = makeWorld()
      yield* Effect.gen(function* () {
        const outbox = yield* Outbox.Outbox
        yield* Outbox.enqueue(notify("1", "a"))
        yield* Outbox.enqueue(notify("1", "b"))
        // One that took it and was never heard of again.
        assert.strictEqual((yield* outbox.take(["notify"], 1, 300)).length, 1)
        yield* Effect.provide(emptied, Layer.fresh(Outbox.layerDelivery))
        assert.deepStrictEqual(world.calls, ["1 a", "1 b"])
      }).pipe(
        Effect.provide(
          connector.pipe(
            Layer.provideMerge(FibricPostgres.layer),
            Layer.provideMerge(Settings.layer({ drainMillis: 0, maxDeliverPollMillis: 100 })),
            Layer.provide([PgClient.layer({ url, maxConnections: 2 }), Logger.layer([])])
          )
        )
      )
    })
  )

  it.live("of many processes share what there is: once each, and in order", () =>
    Effect.gen(function* () {
      const { url } = yield* ledgerDatabase
      const { connector, world } = makeWorld()
      const ids = Array.from({ length: 6 }, (_, index) => `${index}`)
      const steps = Array.from({ length: 8 }, (_, index) => `${index}`)
      yield* Effect.provide(
        Effect.forEach(steps, (what) => Effect.forEach(ids, (id) => Outbox.propose(notify(id, what)))),
        appClient(url)
      )
      const one = Effect.provide(emptied, Layer.fresh(delivering(connector, url)))
      yield* Effect.all([one, one, one], { concurrency: "unbounded" })
      for (const id of ids) {
        assert.deepStrictEqual(
          world.calls.filter((call) => call.startsWith(`${id} `)),
          steps.map((what) => `${id} ${what}`)
        )
      }
    })
  )
})

describe("a role made to propose", () => {
  it.live("proposes by both doors", () =>
    Effect.gen(function* () {
      const { name } = yield* freshRole
      const { url } = yield* ledgerDatabase
      const told = yield* typed(url, "ledger", "grant", "proposer", "--to", name)
      assert.strictEqual(told.exitCode, 0, told.stderr)
      const as = withParts(url, { username: name, password: secret })
      yield* Effect.provide(Outbox.propose(notify("1", "a")), appClient(as))
      yield* onDatabase(as, (sql) => sql`SELECT fibric.propose('notify', 'order', '1', '{}')`)
      assert.strictEqual((yield* rowsIn(url)).length, 2)
    })
  )
})
