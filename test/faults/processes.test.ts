/**
 * Real processes that run out of memory, stand still or are told to end, in the middle of an action.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import type { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Queue, Redacted, type Scope, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { execute } from "fibric"
import { fileURLToPath } from "node:url"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"
import { fault } from "../support/fault.ts"
import { notify } from "../support/orders.ts"
import { adminOn, receiptsOf, runtimeOn } from "./troubled-server.ts"

const script = fileURLToPath(new URL("./fixtures/worker.ts", import.meta.url))

type Mode = "hoard" | "wait" | "block before" | "block after"

/** A process that has been asked, and a second fibric, here, that meets what becomes of it. */
const started = Effect.fnUntraced(function* (mode: Mode) {
  const { url } = yield* ledgerDatabase
  const sql = yield* adminOn(url)
  yield* sql`CREATE TABLE world (entity text, occasion text)`
  yield* sql`CREATE TABLE gate ()`
  const start = Effect.gen(function* () {
    const child = yield* ChildProcess.make(
      process.execPath,
      ["--conditions=fibric-source", "--max-old-space-size=160", script, mode],
      { env: { DATABASE_URL: Redacted.value(url) }, extendEnv: true, stderr: "ignore", killSignal: "SIGKILL" }
    )
    const lines = yield* child.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.toQueue({ capacity: 4 })
    )
    return {
      /** What it says next. */
      says: Queue.take(lines),
      send: (signal: NodeJS.Signals) => Effect.sync(() => void process.kill(child.pid, signal)),
      /** Returns when it has ended, however. */
      ended: Effect.exit(child.exitCode)
    }
  })
  const second = runtimeOn(url, { leaseMillis: 5_000, beatMillis: 500, reapMillis: 100 })
  const sent = Effect.map(sql`SELECT 1 FROM world`, (rows) => rows.length)
  return { sql, start, second, sent }
})

/** Keeps the lock that the process waits for, until it is let go. */
const shut = Effect.fnUntraced(function* (sql: PgClient.PgClient) {
  const isShut = yield* Deferred.make<void>()
  const gate = yield* Deferred.make<void>()
  const holder = yield* Effect.forkChild(
    sql.withTransaction(
      sql`LOCK TABLE gate IN ACCESS EXCLUSIVE MODE`.pipe(
        Effect.andThen(Deferred.succeed(isShut, undefined)),
        Effect.andThen(Deferred.await(gate))
      )
    )
  )
  yield* Deferred.await(isShut)
  return { open: Effect.andThen(Deferred.succeed(gate, undefined), Fiber.join(holder)) }
})

const story = (sentence: string, body: () => Effect.Effect<void, unknown, Layers>) =>
  it.live(sentence, () => body().pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)

type Layers = Scope.Scope | NodeServices.NodeServices

/** What the ledger's rows say. */
const states = (sql: PgClient.PgClient) =>
  Effect.map(sql<{ state: string }>`SELECT state FROM fibric.ledger`, (rows) =>
    rows.map(({ state }) => state)
  )

/** The receipts of the order as they are once the last of them is `outcome`. */
const receiptsUntil = (outcome: string) =>
  eventually(
    Effect.map(receiptsOf("4471"), (receipts) => (receipts.at(-1) === outcome ? receipts : undefined))
  )

describe("a process that runs out of memory", () => {
  story(`${fault("out of memory")} after it has sent leaves a doubt, and nobody sends again`, () =>
    Effect.gen(function* () {
      const { second, sent, start } = yield* started("hoard")
      const worker = yield* start
      assert.strictEqual(yield* worker.says, "sent")
      const end = yield* worker.ended
      assert.isFalse(Exit.isSuccess(end) && Number(end.value) === 0)
      const { context, world } = yield* second
      yield* Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(execute(notify("4471"))))._tag, "InDoubt")
        assert.deepStrictEqual([yield* sent, world.calls.length], [1, 0])
        assert.strictEqual((yield* receiptsOf("4471"))[0], "in_doubt")
      }).pipe(Effect.provideContext(context))
    })
  )
})

describe("a process whose event loop is blocked for 3 seconds, past its lease,", () => {
  story(`${fault("event loop blocked")} before it sends never starts, which frees the key`, () =>
    Effect.gen(function* () {
      const { second, sent, start } = yield* started("block before")
      const { context, world } = yield* second
      const worker = yield* start
      assert.strictEqual(yield* worker.says, "blocked")
      assert.strictEqual(yield* worker.says, "NotPerformed")
      assert.strictEqual(yield* sent, 0)
      yield* Effect.gen(function* () {
        // The second one has called it doubtful meanwhile, unless it stood still itself.
        assert.include(["released", "in_doubt released"], (yield* receiptsOf("4471")).join(" "))
        const { receipt } = yield* execute(notify("4471"))
        assert.deepStrictEqual([receipt.outcome, receipt.attempt], ["performed", 2])
        assert.strictEqual(world.calls.length, 1)
      }).pipe(Effect.provideContext(context))
    })
  )

  story(
    `${fault("event loop blocked")} after it has sent settles what it did when it goes on: one effect`,
    () =>
      Effect.gen(function* () {
        const { second, sent, start } = yield* started("block after")
        const { context, world } = yield* second
        const worker = yield* start
        assert.strictEqual(yield* worker.says, "sent")
        assert.strictEqual(yield* worker.says, "blocked")
        assert.strictEqual(yield* worker.says, "resolved")
        yield* Effect.gen(function* () {
          assert.deepStrictEqual(yield* receiptsOf("4471"), ["in_doubt", "resolved"])
          assert.strictEqual((yield* execute(notify("4471"))).receipt.outcome, "resolved")
          assert.deepStrictEqual([yield* sent, world.calls.length], [1, 0])
        }).pipe(Effect.provideContext(context))
      })
  )
})

describe("a process that is told to end with SIGTERM", () => {
  story(`${fault("terminated")} lets what is under way end, settles it, and ends`, () =>
    Effect.gen(function* () {
      const { second, sent, sql, start } = yield* started("wait")
      const { open } = yield* shut(sql)
      const worker = yield* start
      assert.strictEqual(yield* worker.says, "sent")
      yield* worker.send("SIGTERM")
      assert.strictEqual(yield* worker.says, "terminating")
      assert.deepStrictEqual(yield* states(sql), ["performing"])
      yield* open
      yield* worker.ended
      const { context, world } = yield* second
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* receiptsOf("4471"), ["performed"])
        assert.strictEqual((yield* execute(notify("4471"))).receipt.outcome, "performed")
        assert.deepStrictEqual([yield* sent, world.calls.length], [1, 0])
      }).pipe(Effect.provideContext(context))
    })
  )

  story(
    `${fault("killed while draining")} and killed before that has ended leaves a doubt, and nobody sends again`,
    () =>
      Effect.gen(function* () {
        const { second, sent, sql, start } = yield* started("wait")
        const { open } = yield* shut(sql)
        const worker = yield* start
        assert.strictEqual(yield* worker.says, "sent")
        yield* worker.send("SIGTERM")
        assert.strictEqual(yield* worker.says, "terminating")
        assert.deepStrictEqual(yield* states(sql), ["performing"])
        yield* worker.send("SIGKILL")
        yield* worker.ended
        yield* open
        const { context, world } = yield* second
        yield* Effect.gen(function* () {
          assert.deepStrictEqual(yield* receiptsUntil("in_doubt"), ["in_doubt"])
          assert.strictEqual((yield* Effect.flip(execute(notify("4471"))))._tag, "InDoubt")
          assert.deepStrictEqual([yield* sent, world.calls.length], [1, 0])
        }).pipe(Effect.provideContext(context))
      })
  )
})
