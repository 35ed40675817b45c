/**
 * The outbox harness: transactions of which a third roll back, by several writers, and worker processes that
 * deliver what they proposed and are killed with SIGKILL, or stopped past their lease, in the middle of it.
 * `npm run outbox`, with `-- --json` for a program to read.
 *
 * Everything is real: Postgres, the processes, SIGKILL, and a provider in a process of its own. Exactly what
 * was committed has to happen, in order for each entity: in the ledger's database, and at a provider that
 * recognises keys. It ends with 1 if something is not as it has to be.
 *
 *     writers ──commit──► outbox ──► workers ──► a table, the provider
 *        └─ roll back                   ✕ killed, and started again
 */
import { PgClient } from "@effect/sql-pg"
import { Console, Effect, Fiber, FileSystem, Layer, Redacted, Schedule, Schema, Scope } from "effect"
import { Command, Flag } from "effect/cli"
import { layerClient } from "fibric/embedded"
import { layer as layerPostgres } from "fibric/postgres"
import * as Harness from "../harness/command.ts"
import * as Child from "../harness/Child.ts"
import * as Database from "../harness/Database.ts"
import { judge, surprises } from "./judge.ts"
import * as Provider from "./Provider.ts"
import { type Committed, setUp, writeAll } from "./writing.ts"

/** How many workers there are at once. */
const workersAtOnce = 2

/** How long everything may take once nobody is killed any more. */
const drainWithin = "90 seconds"

const Count = Schema.Struct({ count: Schema.Int })
const decodeCount = Schema.decodeUnknownEffect(Schema.Tuple([Count]))
const countOf = (rows: Effect.Effect<ReadonlyArray<object>, unknown>) =>
  Effect.map(Effect.flatMap(rows, decodeCount), ([{ count }]) => count)

const happenedInTable = Effect.flatMap(
  PgClient.PgClient,
  (sql) => sql<Committed>`SELECT entity, transaction, number FROM shop_effect ORDER BY place`
)

/** How many effects there are in both worlds. */
const progress = Effect.fnUntraced(function* (port: number) {
  const sql = yield* PgClient.PgClient
  const inTable = yield* countOf(sql`SELECT count(*)::integer AS count FROM shop_effect`)
  return inTable + (yield* Provider.happened(port)).effects.length
})

/** Looks until it is so. */
const until = <A, E, R>(look: Effect.Effect<A, E, R>, isSo: (found: A) => boolean) =>
  Effect.repeat(look, { schedule: Schedule.spaced("30 millis"), until: isSo })

const drained = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return yield* countOf(sql`SELECT count(*)::integer AS count FROM fibric.outbox`)
}).pipe((waiting) => until(waiting, (count) => count === 0), Effect.timeoutOption(drainWithin))

/** Stops a worker for longer than its leases last, and lets it go on where it was. */
const freeze = (worker: Child.Child) =>
  Effect.andThen(worker.signal("SIGSTOP"), Effect.delay(worker.signal("SIGCONT"), "5 seconds"))

interface Sizes {
  readonly transactions: number
  readonly kills: number
  readonly pauses: number
}

/** Starts a worker in a scope of its own, so that it can be replaced; returns when it delivers. */
const startWorker = Effect.fnUntraced(function* (
  port: number,
  env: Readonly<Record<string, Redacted.Redacted<string>>>
) {
  const child = yield* Child.start(new URL("./worker.ts", import.meta.url), [String(port)], env)
  yield* child.nextLine
  return child
})

const run = Effect.fnUntraced(function* ({ kills, pauses, transactions }: Sizes) {
  const { makeTempDirectoryScoped } = yield* FileSystem.FileSystem
  const compiled = Redacted.make(yield* makeTempDirectoryScoped({ prefix: "fibric-outbox-" }))
  const database = yield* Database.make("outbox")
  yield* Effect.scoped(Layer.build(Layer.provide(layerPostgres, layerClient(database.url))))
  const port = yield* Provider.make
  const env = { DATABASE_URL: database.url, NODE_COMPILE_CACHE: compiled }
  const scope = yield* Effect.scope
  const start = Scope.provide(startWorker(port, env), scope)

  return yield* Effect.gen(function* () {
    yield* setUp
    const workers = yield* Effect.replicateEffect(start, workersAtOnce, { concurrency: workersAtOnce })
    const committed: Array<Committed> = []
    const rounds = kills + 1
    const stopped: Array<Fiber.Fiber<void>> = []
    for (let round = 0; round < rounds; round++) {
      const from = Math.round((transactions * round) / rounds)
      const to = Math.round((transactions * (round + 1)) / rounds)
      const before = yield* progress(port)
      const writing = yield* Effect.forkChild(writeAll(from, to))
      if (round < kills) {
        // In the middle of what this round brings, which is less than was written at the most.
        const some = before + Math.max(1, Math.floor((to - from) * 0.3))
        yield* Effect.timeoutOption(
          until(progress(port), (count) => count >= some),
          drainWithin
        )
        yield* workers.shift()?.signal("SIGKILL") ?? Effect.void
        workers.push(yield* start)
        // Not the one that is killed next.
        const frozen = round < pauses ? workers.at(-1) : undefined
        if (frozen !== undefined) stopped.push(yield* Effect.forkChild(freeze(frozen)))
      }
      committed.push(...(yield* Fiber.join(writing)))
    }
    yield* Fiber.awaitAll(stopped)
    yield* drained
    const sql = yield* PgClient.PgClient
    const transactional = judge(committed, yield* happenedInTable)
    const { effects, recognised } = yield* Provider.happened(port)
    const resend = judge(committed, effects)
    const deadLetters = yield* countOf(sql`SELECT count(*)::integer AS count FROM fibric.dead_letters`)
    const waiting = yield* countOf(sql`SELECT count(*)::integer AS count FROM fibric.outbox`)
    return {
      report: {
        transactions,
        committed: committed.length,
        rolledBack: transactions - committed.length,
        kills,
        pauses: stopped.length,
        transactional,
        resend: { ...resend, recognised },
        deadLetters
      },
      surprises: [
        ...surprises("transactional", transactional, committed.length),
        ...surprises("resend", resend, committed.length),
        ...(deadLetters === 0 ? [] : [`${deadLetters} dead letters`]),
        ...(waiting === 0 ? [] : [`${waiting} entities whose actions still wait`])
      ]
    }
  }).pipe(Effect.provide(layerClient(database.url)))
}, Effect.scoped)

const outbox = Command.make(
  "outbox",
  {
    transactions: Harness.whole("transactions", "How many transactions propose (default: 1,000)", {
      least: 10,
      most: 1_000_000
    }).pipe(Flag.withDefault(1_000)),
    kills: Harness.whole("kills", "How many workers are killed meanwhile (default: 10)", {
      least: 0,
      most: 1_000
    }).pipe(Flag.withDefault(10)),
    pauses: Harness.whole(
      "pauses",
      "How many of the new ones are stopped for longer than their lease (default: 3)",
      { least: 0, most: 1_000 }
    ).pipe(Flag.withDefault(3)),
    json: Harness.json
  },
  Effect.fn(function* ({ json, ...sizes }) {
    const { report, surprises } = yield* run(sizes)
    yield* Console.log(JSON.stringify(report, null, json ? 0 : 2))
    if (surprises.length > 0) return yield* new Harness.Surprised({ surprises })
  })
).pipe(Command.withDescription("Proposes in transactions, kills deliverers, and counts what happened"))

Harness.run(outbox)
