import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { execute, Operator, ReceiptLog, Settings, Verdicts } from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import { eventually, startAsker } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"
import { makeWorld, notify, over } from "../support/orders.ts"
import { fault } from "../support/fault.ts"

const short = Settings.layer({ leaseMillis: 2_000, beatMillis: 500, reapMillis: 200 })

/** A database with a world in it, and this process's own client. */
const prepared = Effect.gen(function* () {
  const { url } = yield* ledgerDatabase
  const context = yield* Layer.build(PgClient.layer({ url, maxConnections: 4 }))
  const sql = yield* Effect.provideContext(PgClient.PgClient, context)
  yield* sql`
    CREATE TABLE world (
      id serial PRIMARY KEY, entity text, occasion text,
      began_at timestamptz DEFAULT clock_timestamp(), ended_at timestamptz
    )`
  const effects = Effect.map(sql<{ id: number }>`SELECT id FROM world`, (rows) => rows.length)
  return { url, sql, effects, client: Layer.succeedContext(context) }
})

describe("two processes on one Postgres", () => {
  it.live("657 requests of one key at once are one effect, one receipt, and 657 receipts by count", () =>
    Effect.gen(function* () {
      const { url, sql, effects } = yield* prepared
      const askers = yield* Effect.all(
        [startAsker(url, "329", "1", "20"), startAsker(url, "328", "1", "20")],
        {
          concurrency: 2
        }
      )
      yield* Effect.forEach(askers, ({ go }) => go, { concurrency: 2 })
      const answers = (yield* Effect.forEach(askers, ({ answers }) => answers, { concurrency: 2 })).flat()
      assert.strictEqual(answers.length, 657)
      assert.strictEqual(new Set(answers).size, 1)
      assert.strictEqual(yield* effects, 1)
      const [performed] = yield* sql<{
        id: string
      }>`SELECT id FROM fibric.receipts WHERE outcome = 'performed'`
      assert.strictEqual(performed?.id, answers[0])
      const [total] = yield* sql<{
        receipts: number
      }>`SELECT sum(count)::int AS receipts FROM fibric.receipts`
      assert.strictEqual(total?.receipts, 657)
    }).pipe(Effect.scoped)
  )

  it.live(
    `${fault("hosted twice")} are asked for forty actions of one entity: all are performed, never two at a time`,
    () =>
      Effect.gen(function* () {
        const { url, sql, effects } = yield* prepared
        const askers = yield* Effect.all(
          [startAsker(url, "40", "40", "5"), startAsker(url, "40", "40", "5")],
          {
            concurrency: 2
          }
        )
        yield* Effect.forEach(askers, ({ go }) => go, { concurrency: 2 })
        const [one = [], other = []] = yield* Effect.forEach(askers, ({ answers }) => answers, {
          concurrency: 2
        })
        assert.deepStrictEqual(other, one)
        assert.strictEqual(yield* effects, 40)
        const overlaps = yield* sql`
        SELECT a.id FROM world a JOIN world b ON a.id < b.id
        WHERE a.began_at < b.ended_at AND b.began_at < a.ended_at`
        assert.deepStrictEqual(overlaps, [])
      }).pipe(Effect.scoped)
  )
})

describe("a process that is killed with SIGKILL", () => {
  it.live(
    `${fault("killed after the acknowledgement")} after the effect and before its settlement leaves a doubt, which a person settles`,
    () =>
      Effect.gen(function* () {
        const { url, sql, effects, client } = yield* prepared
        const asker = yield* startAsker(url, "5", "1", "hang")
        yield* asker.go
        yield* eventually(Effect.map(effects, (count) => (count === 1 ? true : undefined)))
        yield* asker.kill

        const { world, layer } = makeWorld()
        yield* Effect.gen(function* () {
          const action = notify("4471", "occasion-0")
          const doubt = yield* Effect.flip(execute(action))
          assert.strictEqual(doubt._tag, "InDoubt")
          const attempt = doubt._tag === "InDoubt" ? doubt.attempt : 0
          const verdicts = yield* Verdicts
          const verdict = yield* verdicts
            .itHappened(action, { attempt, reason: "it is in the provider's list" })
            .pipe(Operator.as("dana"))
          const repeat = yield* execute(action)
          assert.strictEqual(repeat.receipt.id, verdict.receipt.id)
          assert.strictEqual(repeat.receipt.operator, "dana")
          assert.strictEqual(world.calls.length, 0)
          const log = yield* ReceiptLog
          const { in_doubt, resolved } = yield* log.totals(action.key)
          assert.deepStrictEqual({ in_doubt, resolved }, { in_doubt: 1, resolved: 1 })
        }).pipe(Effect.provide(over(layer, Layer.provide(layerPostgres, client))))
        assert.strictEqual(yield* effects, 1)
        const rows = yield* sql`SELECT outcome FROM fibric.receipts WHERE outcome = 'performed'`
        assert.deepStrictEqual(rows, [])
      }).pipe(Effect.scoped, Effect.provide([short, Logger.layer([])]))
  )
})

describe("two runtimes in one process", () => {
  it.live("are two workers: one of them performs, both answer with one receipt", () =>
    Effect.gen(function* () {
      const { client } = yield* prepared
      const one = makeWorld()
      const other = makeWorld()
      const runtime = Layer.provide(Layer.fresh(layerPostgres), client)
      const [first, second] = yield* Effect.forEach(
        [one, other],
        ({ layer }) => Layer.build(Layer.fresh(over(layer, runtime))),
        { concurrency: 2 }
      )
      assert.isDefined(first)
      assert.isDefined(second)
      if (first === undefined || second === undefined) return
      const ask = (context: typeof first) => Effect.provideContext(execute(notify("1")), context)
      const [a, b] = yield* Effect.all([ask(first), ask(second)], { concurrency: 2 })
      assert.strictEqual(a?.receipt.id, b?.receipt.id)
      assert.strictEqual(one.world.calls.length + other.world.calls.length, 1)
    }).pipe(Effect.scoped)
  )
})
