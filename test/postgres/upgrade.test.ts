/**
 * The schema is brought up to date while workers of the version before go on: beside them, under them,
 * and with several starters at once.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, type Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlError } from "effect/sql"
import { StartRefused } from "fibric"
import { knownVersion, onlineIndexes } from "../../src/postgres/migrations/index.ts"
import { Patience } from "../../src/postgres/Patience.ts"
import { isCatalogRace } from "../../src/postgres/Refusal.ts"
import { eventually } from "../support/asker.ts"
import { freshDatabase } from "../support/database.ts"
import {
  evidences,
  keyOf,
  make,
  previousDatabase,
  type PreviousWorker
} from "./fixtures/previous-version/worker.ts"
import { freshRole, onDatabase, openLedger, place, secret, withParts } from "./support.ts"
import { fault } from "../support/fault.ts"

const version = (url: Redacted.Redacted<string>) =>
  onDatabase(url, (sql) => sql`SELECT max(migration_id) AS version FROM fibric.migrations`)

const indexes = (url: Redacted.Redacted<string>) =>
  onDatabase(
    url,
    (sql) => sql`
      SELECT class.relname AS name, index.indisvalid AS valid FROM pg_index AS index
      JOIN pg_class AS class ON class.oid = index.indexrelid
      WHERE index.indrelid = 'fibric.ledger'::regclass ORDER BY class.relname`
  )

const allIndexes = [
  "ledger_doubt",
  "ledger_flight",
  "ledger_lane_held",
  "ledger_passed",
  "ledger_pkey",
  "ledger_steps"
].map((name) => ({ name, valid: true }))

/** Rows in every state that the version before knows; the performing one is the worker's own. */
const fill = Effect.fnUntraced(function* (worker: PreviousWorker) {
  for (const [id, evidence] of Object.entries(evidences)) {
    const { token } = yield* worker.claim(keyOf(id))
    yield* worker.settle(keyOf(id), token, evidence)
  }
  return yield* worker.claim(keyOf("performing"))
})

/** Workers that loop, what they did, and a way to wait for so many more turns of each. */
const makeLoops = (count: number) => {
  const tallies = Array.from({ length: count }, () => ({ turns: 0, settled: new Array<string>() }))
  const order = { stopped: false }
  let waiting: { readonly until: number; readonly reached: Deferred.Deferred<void> } | undefined

  const turn = (index: number) => {
    const tally = tallies[index]
    if (tally !== undefined) tally.turns += 1
    if (waiting === undefined || fewest() < waiting.until) return
    Deferred.doneUnsafe(waiting.reached, Exit.void)
    waiting = undefined
  }
  const fewest = () => Math.min(...tallies.map(({ turns }) => turns))

  return {
    tallies,
    stop: Effect.sync(() => {
      order.stopped = true
    }),
    /** Resolves when each worker has made so many more turns than any has made now. */
    turned: (more: number) =>
      Effect.suspend(() => {
        const until = Math.max(...tallies.map(({ turns }) => turns)) + more
        waiting = { until, reached: Deferred.makeUnsafe<void>() }
        return Deferred.await(waiting.reached)
      }),
    /** Claims a new key each turn and settles it, each way in its turn; a released one is taken again. */
    run: Effect.fnUntraced(function* (worker: PreviousWorker, index: number) {
      const ways = Object.values(evidences)
      const settled = tallies[index]?.settled ?? []
      for (let number = 0; !order.stopped; number += 1) {
        const key = keyOf(`loop${index}-${number}`)
        const first = yield* worker.claim(key)
        assert.strictEqual(first.verdict._tag, "Claimed")
        yield* worker.record(key)
        const evidence = ways[number % ways.length] ?? evidences.performed
        settled.push(...(yield* worker.settle(key, first.token, evidence)).map(({ id }) => id))
        const found = yield* worker.find(key)
        if (found?.state === "released") {
          const again = yield* worker.claim(key, found.attempt)
          assert.deepStrictEqual(again.verdict, { _tag: "Claimed", attempt: 2, generation: 1 })
          const receipts = yield* worker.settle(key, again.token, evidences.performed)
          settled.push(...receipts.map(({ id }) => id))
        }
        yield* worker.sql`SELECT sum(count) FROM fibric.receipts WHERE key = ${key.label}`
        yield* worker.beat
        yield* worker.reap(2)
        turn(index)
      }
    })
  }
}

describe("while the schema is brought up to date", () => {
  it.live("workers of the version before lose no statement and no receipt", () =>
    Effect.gen(function* () {
      const { url } = yield* previousDatabase
      yield* fill(yield* make(url))
      const loops = makeLoops(4)
      const looping = yield* Effect.forkScoped(
        Effect.forEach(
          loops.tallies,
          (_, index) => Effect.flatMap(make(url), (worker) => loops.run(worker, index)),
          { concurrency: "unbounded" }
        )
      )
      const meanwhile = loops
        .turned(10)
        .pipe(Effect.andThen(openLedger(url)), Effect.andThen(loops.turned(10)), Effect.andThen(loops.stop))
      yield* Effect.raceFirst(meanwhile, Effect.andThen(Fiber.join(looping), Effect.never))
      yield* Fiber.join(looping)

      const { tallies } = loops
      const turns = tallies.reduce((sum, tally) => sum + tally.turns, 0)
      const again = tallies.reduce((sum, tally) => sum + Math.ceil((tally.turns - 2) / 4), 0)
      const settled = tallies.flatMap((tally) => tally.settled)
      assert.lengthOf(settled, turns + again)
      const [found] = yield* onDatabase(
        url,
        (sql) => sql`
          SELECT
            (SELECT count(*)::int FROM fibric.receipt_log WHERE id = ANY(${settled}::uuid[])) AS settled,
            (SELECT count(*)::int FROM fibric.receipt_log WHERE outcome = 'deduplicated') AS repeats,
            (SELECT json_agg(key) FROM fibric.ledger WHERE state = 'performing') AS performing,
            (SELECT count(*)::int FROM fibric.ledger) AS keys`
      )
      assert.deepStrictEqual(found, {
        settled: settled.length,
        repeats: turns,
        performing: ["notify:order-performing:shipped"],
        keys: turns + 5
      })
      assert.deepStrictEqual(yield* version(url), [{ version: knownVersion }])
      assert.deepStrictEqual(yield* indexes(url), allIndexes)
    })
  )
})

/** Until a statement of somebody on that database waits for a lock. */
const somebodyWaits = (url: Redacted.Redacted<string>) =>
  onDatabase(url, (sql) =>
    eventually(
      Effect.map(
        sql`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        (rows) => (rows.length > 0 ? true : undefined)
      )
    )
  )

/** A transaction of somebody's that has touched the ledger, open until it is let go. */
const longTransaction = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  const sql = yield* PgClient.makeClient({ url }).pipe(Effect.provide(Reactivity.layer))
  const holding = yield* Deferred.make<void>()
  const end = yield* Deferred.make<void>()
  const held = yield* Effect.forkScoped(
    sql.withTransaction(
      sql`UPDATE fibric.ledger SET paths = paths WHERE key = 'notify:order-performing:shipped'`.pipe(
        Effect.andThen(Deferred.succeed(holding, undefined)),
        Effect.andThen(Deferred.await(end))
      )
    )
  )
  yield* Deferred.await(holding)
  return { letGo: Effect.andThen(Deferred.succeed(end, undefined), Fiber.join(held)) }
})

/** As patient as a start is, with shorter pauses, so that the test is short. */
const persistent = Layer.succeed(Patience, {
  tries: 30,
  pauseMillis: 300,
  indexMillis: 60_000,
  collisions: 30
})

describe("a long transaction that has touched the ledger", () => {
  it.live(
    `${fault("transaction long open")} delays the upgrade, and never the workers of the version before for long`,
    () =>
      Effect.gen(function* () {
        const { url } = yield* previousDatabase
        const worker = yield* make(url)
        yield* fill(worker)
        const { letGo } = yield* longTransaction(url)
        const opening = yield* Effect.forkScoped(openLedger(url).pipe(Effect.provide(persistent)))
        yield* somebodyWaits(url)

        // Asked for behind the upgrade, which waits behind the transaction: it gives way and tries again.
        for (const id of ["one", "two"]) {
          const { token, verdict } = yield* worker.claim(keyOf(id))
          assert.strictEqual(verdict._tag, "Claimed")
          assert.lengthOf(yield* worker.settle(keyOf(id), token, evidences.performed), 1)
          yield* somebodyWaits(url)
        }
        assert.deepStrictEqual(yield* version(url), [{ version: 1 }])
        assert.isUndefined(opening.pollUnsafe())

        yield* letGo
        yield* Fiber.join(opening)
        assert.deepStrictEqual(yield* version(url), [{ version: knownVersion }])
        assert.deepStrictEqual(yield* indexes(url), allIndexes)
      })
  )
})

/** Less patience than a start has, so that a test meets its end. */
const impatient = Layer.succeed(Patience, { tries: 2, pauseMillis: 0, indexMillis: 1_000, collisions: 30 })

describe("a start that others keep waiting for too long", () => {
  it.live("is refused where somebody holds a table, and leaves the workers as they are", () =>
    Effect.gen(function* () {
      const { url } = yield* previousDatabase
      const worker = yield* make(url)
      yield* fill(worker)
      const { letGo } = yield* longTransaction(url)
      const error = yield* Effect.flip(openLedger(url)).pipe(Effect.provide(impatient))
      assert.deepStrictEqual(
        error,
        new StartRefused({
          problem: "schema_locked",
          sentence: `The schema "fibric" in ${place(url)} could not be brought up to date: somebody has held its tables through 2 tries (canceling statement due to lock timeout). Nothing was performed; end the transaction that holds them (pg_locks names it), then start again.`
        })
      )
      yield* letGo
      assert.deepStrictEqual(yield* version(url), [{ version: 1 }])
      assert.strictEqual((yield* worker.claim(keyOf("after"))).verdict._tag, "Claimed")
    })
  )

  it.live("is refused where an index can't be finished, and the next start finishes it", () =>
    Effect.gen(function* () {
      const { url } = yield* unfinishedIndex
      yield* onDatabase(url, (sql) => sql`DROP INDEX fibric.ledger_flight`)
      const { letGo } = yield* longTransaction(url)
      const error = yield* Effect.flip(openLedger(url)).pipe(Effect.provide(impatient))
      assert.deepStrictEqual(
        error,
        new StartRefused({
          problem: "index_not_ready",
          sentence: `The indexes of the schema "fibric" in ${place(url)} were not ready in time: others were making them, or open transactions stood in the way. Nothing was performed; see pg_stat_progress_create_index and pg_stat_activity, then start again.`
        })
      )
      yield* letGo
      yield* openLedger(url)
      assert.deepStrictEqual(yield* indexes(url), allIndexes)
    })
  )
})

describe("several that start at once", () => {
  for (const [what, database] of [
    ["an empty database", freshDatabase],
    ["a database of the version before", previousDatabase]
  ] as const) {
    it.live(`${fault("migrated at once")} all start on ${what}, and each step is made once`, () =>
      Effect.gen(function* () {
        const { url } = yield* database
        yield* Effect.forEach(Array.from({ length: 6 }), () => openLedger(url), { concurrency: "unbounded" })
        const steps = yield* onDatabase(
          url,
          (sql) => sql`SELECT migration_id AS step FROM fibric.migrations ORDER BY migration_id`
        )
        assert.deepStrictEqual(
          steps,
          Array.from({ length: knownVersion }, (_, index) => ({ step: index + 1 }))
        )
        assert.deepStrictEqual(yield* indexes(url), allIndexes)
      })
    )
  }
})

/** A database whose index of flights was cut off in the middle of its making. */
const unfinishedIndex = Effect.gen(function* () {
  const database = yield* freshDatabase
  const { url } = database
  yield* openLedger(url)
  yield* (yield* make(url)).claim(keyOf("performing"))
  yield* onDatabase(url, (sql) => sql`DROP INDEX fibric.ledger_flight`)
  const { letGo } = yield* longTransaction(url)
  yield* onDatabase(url, (sql) =>
    Effect.gen(function* () {
      yield* sql`SET statement_timeout = '200ms'`
      const cut = yield* Effect.flip(sql`${sql.literal(onlineIndexes["ledger_flight"] ?? "")}`.unprepared)
      assert.strictEqual(cut.reason._tag, "StatementTimeoutError")
    })
  )
  yield* letGo
  return database
})

const oidOf = (url: Redacted.Redacted<string>) =>
  onDatabase(url, (sql) => sql`SELECT 'fibric.ledger_flight'::regclass::oid::text AS oid`)

describe("an index that was left unfinished", () => {
  it.live("is made anew by the next start", () =>
    Effect.gen(function* () {
      const { url } = yield* unfinishedIndex
      const before = yield* indexes(url)
      assert.deepInclude(before, { name: "ledger_flight", valid: false })
      yield* openLedger(url)
      assert.deepStrictEqual(yield* indexes(url), allIndexes)
    })
  )

  it.live("is made anew once, where several find it", () =>
    Effect.gen(function* () {
      const { url } = yield* unfinishedIndex
      yield* Effect.forEach(Array.from({ length: 6 }), () => openLedger(url), { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* indexes(url), allIndexes)
    })
  )

  it.live("is left as it is where somebody has made it valid since it was looked at", () =>
    Effect.gen(function* () {
      const { url } = yield* unfinishedIndex
      const oid = oidOf(url)
      const before = yield* oid
      const sql = yield* PgClient.makeClient({ url }).pipe(Effect.provide(Reactivity.layer))
      const opening = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`LOCK TABLE fibric.ledger IN SHARE UPDATE EXCLUSIVE MODE`
          const opening = yield* Effect.forkScoped(openLedger(url))
          yield* somebodyWaits(url)
          yield* sql`REINDEX INDEX fibric.ledger_flight`
          return opening
        })
      )
      yield* Fiber.join(opening)
      assert.deepStrictEqual(yield* indexes(url), allIndexes)
      assert.deepStrictEqual(yield* oid, before)
    })
  )

  it.live("is waited for while somebody is making it, and left to him", () =>
    Effect.gen(function* () {
      const { url } = yield* unfinishedIndex
      yield* onDatabase(url, (sql) => sql`DROP INDEX fibric.ledger_flight`)
      const { letGo } = yield* longTransaction(url)
      const making = yield* Effect.forkScoped(
        onDatabase(url, (sql) => sql`${sql.literal(onlineIndexes["ledger_flight"] ?? "")}`.unprepared)
      )
      yield* somebodyWaits(url)
      const opening = yield* Effect.forkScoped(openLedger(url))
      yield* onDatabase(url, (sql) =>
        eventually(
          Effect.map(
            sql`SELECT 1 FROM pg_stat_activity
              WHERE datname = current_database() AND query LIKE '%pg_stat_progress_create_index%'
                AND application_name = 'fibric'`,
            (rows) => (rows.length > 0 ? true : undefined)
          )
        )
      )
      assert.isUndefined(opening.pollUnsafe())
      yield* letGo
      yield* Fiber.join(making)
      yield* Fiber.join(opening)
      assert.deepStrictEqual(yield* indexes(url), allIndexes)
    })
  )

  it.live("refuses a role that may not make it, and says who may", () =>
    Effect.gen(function* () {
      const { name: role } = yield* freshRole
      const { url } = yield* unfinishedIndex
      yield* onDatabase(url, (sql) =>
        Effect.andThen(
          sql`GRANT USAGE ON SCHEMA fibric TO ${sql(role)}`,
          sql`GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA fibric TO ${sql(role)}`
        )
      )
      const error = yield* Effect.flip(openLedger(withParts(url, { username: role, password: secret })))
      assert.deepStrictEqual(
        error,
        new StartRefused({
          problem: "index_not_ready",
          sentence: `The index "ledger_flight" in ${place(url)} is missing or unfinished, and this role may not make it (must be owner of index ledger_flight). The ledger can't do without it, and nothing was performed; start fibric once as the owner of the schema "fibric".`
        })
      )
    })
  )
})

describe("two that change one row of the catalog at once", () => {
  it("have collided, which passes; any other error of the server's has not", () => {
    const said = (message: string) => new SqlError.UnknownError({ cause: new Error(message) })
    assert.isTrue(isCatalogRace(said("tuple concurrently updated")))
    assert.isTrue(isCatalogRace(said("tuple concurrently deleted")))
    assert.isFalse(isCatalogRace(said("could not open relation")))
  })
})
