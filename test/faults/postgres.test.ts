/**
 * A real Postgres that does not do what is asked of it, before the claim and at the settlement.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Scope } from "effect"
import { type Connector, execute, type ReceiptLog } from "fibric"
import type { Executor } from "../../src/kernel/Executor.ts"
import { eventually } from "../support/asker.ts"
import { freshDatabase } from "../support/database.ts"
import { fault } from "../support/fault.ts"
import { notify, succeed, type World } from "../support/orders.ts"
import { freshRole, onDatabase, secret, withParts } from "../postgres/support.ts"
import {
  adminOn,
  endSessions,
  met,
  prepared,
  receiptsOf,
  runtimeOn,
  trouble,
  untilWaiting
} from "./troubled-server.ts"

type Needs = Executor | ReceiptLog | Connector.Handler<"notify">

/** Asks for an order, and returns when the connector has performed; it answers when it is let. */
const begun = Effect.fnUntraced(function* (world: World, id: string) {
  const gate = yield* Deferred.make<void>()
  world.answer = (reached) => Effect.andThen(Deferred.await(gate), succeed(reached))
  const asking = yield* Effect.forkChild(execute(notify(id)), { startImmediately: true })
  yield* world.started(1)
  return { open: Deferred.succeed(gate, undefined), asking }
})

const story = (sentence: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(sentence, () => Effect.scoped(body()))

/** A statement may take half of this. */
const short = { leaseMillis: 4_000 }

describe("a claim", () => {
  story(
    `${fault("lock timeout at the claim")} that does not get its lock is not performed, and is once the lock is free`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared()
        yield* trouble(sql, "lock", "INSERT", 1_000)
        const locked = yield* Deferred.make<void>()
        const done = yield* Deferred.make<void>()
        const holder = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.andThen(
              sql`LOCK TABLE gate IN ACCESS EXCLUSIVE MODE`,
              Effect.andThen(Deferred.succeed(locked, undefined), Deferred.await(done))
            )
          )
        )
        yield* Deferred.await(locked)
        yield* Effect.gen(function* () {
          const error = yield* Effect.flip(execute(notify("1")))
          assert.strictEqual(error._tag, "LedgerUnavailable")
          assert.include(error.message, "lock timeout")
          assert.strictEqual(world.calls.length, 0)
          yield* Deferred.succeed(done, undefined)
          yield* Fiber.join(holder)
          const { receipt } = yield* execute(notify("1"))
          assert.deepStrictEqual([receipt.outcome, receipt.attempt, world.calls.length], ["performed", 1, 1])
        }).pipe(Effect.provideContext(context))
      })
  )

  story(
    `${fault("statement timeout at the claim")} that the server ends is made again, and performed once`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared(short)
        yield* trouble(sql, "slow", "INSERT", 1)
        const { receipt } = yield* Effect.provideContext(execute(notify("1")), context)
        assert.deepStrictEqual([receipt.outcome, receipt.attempt, world.calls.length], ["performed", 1, 1])
        assert.strictEqual(yield* met(sql), 2)
      })
  )

  story(
    `${fault("disk full")} for which the disk has no room is not performed, and is once there is room`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared()
        // Six times with others, and each time alone after that.
        yield* trouble(sql, "disk", "INSERT", 12)
        yield* Effect.gen(function* () {
          const error = yield* Effect.flip(execute(notify("1")))
          assert.strictEqual(error._tag, "LedgerUnavailable")
          assert.include(error.message, "No space left on device")
          assert.strictEqual(world.calls.length, 0)
          const { receipt } = yield* execute(notify("1"))
          assert.deepStrictEqual([receipt.outcome, receipt.attempt, world.calls.length], ["performed", 1, 1])
        }).pipe(Effect.provideContext(context))
      })
  )

  story(
    `${fault("pool exhausted")} waits while every connection is busy: nothing is called, and then each action is performed once`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared()
        const asking = yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`LOCK TABLE fibric.ledger IN SHARE MODE`
            const asking = yield* Effect.forEach(
              Array.from({ length: 40 }, (_, index) => notify(`${index}`)),
              // Whoever asks is not within this transaction.
              (action) => Effect.sync(() => Effect.runForkWith(context)(execute(action)))
            )
            // All that there are for one row: a batch has given up by then.
            yield* untilWaiting(sql, 6)
            assert.strictEqual(world.calls.length, 0)
            return asking
          })
        )
        const answers = yield* Effect.forEach(asking, Fiber.join)
        assert.strictEqual(new Set(answers.map(({ receipt }) => receipt.id)).size, 40)
        assert.strictEqual(world.calls.length, 40)
      })
  )
})

describe("a settlement", () => {
  story(
    `${fault("lock timeout at the settlement")} that does not get its lock is tried until it does: one effect, one receipt`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared()
        yield* trouble(sql, "lock", "UPDATE", 1_000)
        yield* Effect.gen(function* () {
          const { asking, open } = yield* begun(world, "1")
          yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`LOCK TABLE gate IN ACCESS EXCLUSIVE MODE`
              yield* open
              yield* eventually(Effect.map(met(sql), (times) => (times >= 3 ? true : undefined)))
            })
          )
          const { receipt } = yield* Fiber.join(asking)
          assert.strictEqual(receipt.outcome, "performed")
          assert.strictEqual(world.calls.length, 1)
          assert.deepStrictEqual(yield* receiptsOf("1"), ["performed"])
        }).pipe(Effect.provideContext(context))
      })
  )

  story(
    `${fault("statement timeout at the settlement")} that the server ends is made again: one effect, one receipt`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared(short)
        yield* trouble(sql, "slow", "UPDATE", 1)
        yield* Effect.gen(function* () {
          const { receipt } = yield* execute(notify("1"))
          assert.strictEqual(receipt.outcome, "performed")
          assert.strictEqual(yield* met(sql), 2)
          assert.strictEqual(world.calls.length, 1)
          assert.deepStrictEqual(yield* receiptsOf("1"), ["performed"])
        }).pipe(Effect.provideContext(context))
      })
  )

  story(
    `${fault("deadlock")} that the server ends because of a deadlock is made again: one effect, one receipt`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared()
        yield* trouble(sql, "wait", "UPDATE", 2)
        yield* Effect.gen(function* () {
          const { asking, open } = yield* begun(world, "1")
          yield* sql.withTransaction(
            Effect.gen(function* () {
              // Whoever waited first finds the circle, and is ended.
              yield* sql`SET LOCAL deadlock_timeout = '1h'`
              yield* sql`LOCK TABLE gate IN ACCESS EXCLUSIVE MODE`
              yield* open
              // With others it gives up soon; alone it waits.
              yield* eventually(Effect.map(met(sql), (times) => (times >= 2 ? true : undefined)))
              yield* untilWaiting(sql, 1)
              yield* sql`SELECT 1 FROM fibric.ledger FOR UPDATE`
            })
          )
          const { receipt } = yield* Fiber.join(asking)
          assert.strictEqual(receipt.outcome, "performed")
          assert.strictEqual(world.calls.length, 1)
          assert.deepStrictEqual(yield* receiptsOf("1"), ["performed"])
        }).pipe(Effect.provideContext(context))
        const deadlocks = sql<{ deadlocks: number }>`
          SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0`
        const [counted] = yield* eventually(
          Effect.map(deadlocks, (rows) => (rows.length > 0 ? rows : undefined))
        )
        assert.strictEqual(counted?.deadlocks, 1)
      })
  )

  story(
    `${fault("disk full")} for which the disk has no room is tried until there is: one effect, one receipt`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared()
        yield* trouble(sql, "disk", "UPDATE", 4)
        yield* Effect.gen(function* () {
          const { receipt } = yield* execute(notify("1"))
          assert.strictEqual(receipt.outcome, "performed")
          assert.strictEqual(yield* met(sql), 5)
          assert.strictEqual(world.calls.length, 1)
          assert.deepStrictEqual(yield* receiptsOf("1"), ["performed"])
        }).pipe(Effect.provideContext(context))
      })
  )

  story(
    `${fault("backend killed")} whose connections were ended is made over a new one: one effect, one receipt`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared()
        yield* Effect.gen(function* () {
          const { asking, open } = yield* begun(world, "1")
          assert.isNotEmpty(yield* endSessions(sql))
          yield* open
          const { receipt } = yield* Fiber.join(asking)
          assert.strictEqual(receipt.outcome, "performed")
          assert.strictEqual(world.calls.length, 1)
          assert.deepStrictEqual(yield* receiptsOf("1"), ["performed"])
        }).pipe(Effect.provideContext(context))
      })
  )
})

describe("a server", () => {
  /** A fibric as a role of its own, which the server can treat differently. */
  const asRole = Effect.gen(function* () {
    const { name: role, sql: server } = yield* freshRole
    const { name: database, url } = yield* freshDatabase
    yield* onDatabase(url, (sql) => sql`GRANT CREATE ON DATABASE ${sql(database)} TO ${sql(role)}`)
    const sql = yield* adminOn(url)
    const runtime = yield* runtimeOn(withParts(url, { username: role, password: secret }))
    return { role, server, database, sql, ...runtime } as const
  })

  /** Starts one action, lets the server refuse what comes then, and sees both come right in the end. */
  const refuses = (
    what: string,
    {
      context,
      world
    }: { readonly context: Parameters<typeof Effect.provideContext<Needs>>[0]; readonly world: World },
    refuse: Effect.Effect<unknown, unknown>,
    mend: Effect.Effect<unknown, unknown>
  ) =>
    Effect.gen(function* () {
      const { asking, open } = yield* begun(world, "1")
      yield* refuse
      yield* open
      const error = yield* Effect.flip(execute(notify("2")))
      assert.strictEqual(error._tag, "LedgerUnavailable")
      assert.include(error.message, what)
      assert.strictEqual(world.calls.length, 1)
      yield* mend
      assert.strictEqual((yield* Fiber.join(asking)).receipt.outcome, "performed")
      assert.strictEqual((yield* execute(notify("2"))).receipt.outcome, "performed")
      assert.strictEqual(world.calls.length, 2)
      assert.deepStrictEqual(yield* receiptsOf("1"), ["performed"])
    }).pipe(Effect.provideContext(context))

  story(
    `${fault("transaction long open")} on which somebody's transaction stays open lets a hundred actions be performed and repeated all the same`,
    () =>
      Effect.gen(function* () {
        const { context, sql, world } = yield* prepared()
        const ids = Array.from({ length: 100 }, (_, index) => `${index}`)
        const asked = Effect.forEach(ids, (id) => execute(notify(id)), { concurrency: 20 }).pipe(
          Effect.provideContext(context)
        )
        const isOpen = yield* Deferred.make<void>()
        const end = yield* Deferred.make<void>()
        const open = yield* Effect.forkChild(
          sql.withTransaction(
            // It has read the ledger, and written something of its own.
            sql`SELECT count(*), pg_current_xact_id()::text FROM fibric.ledger`.pipe(
              Effect.andThen(Deferred.succeed(isOpen, undefined)),
              Effect.andThen(Deferred.await(end))
            )
          )
        )
        yield* Deferred.await(isOpen)
        const first = yield* asked
        const again = yield* asked
        assert.deepStrictEqual(
          again.map(({ receipt }) => receipt.id),
          first.map(({ receipt }) => receipt.id)
        )
        assert.strictEqual(world.calls.length, 100)
        assert.isUndefined(open.pollUnsafe())
        yield* Deferred.succeed(end, undefined)
        yield* Fiber.join(open)
      })
  )

  story(
    `${fault("connections exhausted")} that takes no more connections lets nothing new be performed, and what was is settled afterwards`,
    () =>
      Effect.gen(function* () {
        const { role, server, sql, ...runtime } = yield* asRole
        yield* refuses(
          "too many connections",
          runtime,
          Effect.andThen(server`ALTER ROLE ${server(role)} CONNECTION LIMIT 0`, endSessions(sql)),
          server`ALTER ROLE ${server(role)} CONNECTION LIMIT -1`
        )
      })
  )

  story(
    `${fault("server reads only")} that takes no writes any more lets nothing new be performed, and what was is settled afterwards`,
    () =>
      Effect.gen(function* () {
        const { role, server, sql, ...runtime } = yield* asRole
        yield* refuses(
          "read-only transaction",
          runtime,
          Effect.andThen(
            server`ALTER ROLE ${server(role)} SET default_transaction_read_only = on`,
            endSessions(sql)
          ),
          Effect.andThen(
            server`ALTER ROLE ${server(role)} RESET default_transaction_read_only`,
            endSessions(sql)
          )
        )
      })
  )
})
