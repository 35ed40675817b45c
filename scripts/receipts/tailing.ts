/**
 * tailing: a reader of the live stream beside 8 writers whose transactions commit in another order than
 * they began in. It stops now and then and goes on from its cursor. Every receipt has a number of its own:
 * none may be missing, and none may come twice.
 */
import { PgClient } from "@effect/sql-pg"
import { Clock, Effect, Fiber, Layer, Stream } from "effect"
import { tail } from "fibric"
import { layerClient } from "fibric/embedded"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgReceiptLog from "../../src/postgres/PgReceiptLog.ts"
import type { Seen, Where } from "./main.ts"

const writers = 8

/** After how many receipts the reader stops, and begins anew at its cursor. */
const stopsAfter = 37_501

/** One transaction of so many receipts, numbered on from `from`, that stays open for a while before it commits. */
const write = (sql: PgClient.PgClient, from: number, count: number, openMillis: number) =>
  sql.withTransaction(
    Effect.andThen(
      sql`
        INSERT INTO fibric.receipt_log (
          id, outcome, operator, capability, key_hash, key, entity_type, entity_id, attempt, count
        )
        SELECT gen_random_uuid(), 'joined', 'agent', 'notify', sha256(convert_to(number::text, 'UTF8')),
          'notify:order-' || number || ':shipped', 'order', number::text, 1, number
        FROM generate_series(${from}::int, ${from + count - 1}::int) AS number`,
      sql`SELECT pg_sleep(${openMillis / 1_000}::float8)`
    )
  )

/** A writer's share, in transactions of different sizes that are open for different times. */
const writeAll = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  first: number,
  count: number,
  writer: number
) {
  for (let written = 0, turn = 0; written < count; turn++) {
    const size = Math.min(1 + ((turn * 131 + writer * 17) % 600), count - written)
    yield* write(sql, first + written, size, (turn * 7 + writer * 3) % 20)
    written += size
  }
})

export const run = Effect.fnUntraced(function* (size: number, where: Where) {
  const { url } = where.database
  const share = Math.ceil(size / writers)
  const total = share * writers
  const seen = new Uint8Array(total + 1)
  let repeated = 0
  let read = 0
  let stops = 0

  const readFrom = (from: string): ReturnType<typeof readSome> =>
    Effect.flatMap(readSome(from), (cursor) => {
      stops += 1
      return read < total ? readFrom(cursor) : Effect.succeed(cursor)
    })

  /** Up to the next stop; the cursor to go on from. */
  const readSome = Effect.fnUntraced(function* (from: string) {
    let last = from
    const next = tail({ from, filter: { outcomes: ["joined"] } })
    yield* Stream.runForEach(Stream.take(next, Math.min(stopsAfter, total - read)), ({ cursor, receipt }) =>
      Effect.sync(() => {
        last = cursor
        read += 1
        if (seen[receipt.count] !== 0) repeated += 1
        seen[receipt.count] = 1
      })
    )
    return last
  })

  const layerLog = PgReceiptLog.layer.pipe(
    Layer.provide(LedgerClient.layerCommand),
    Layer.provide(layerClient(url))
  )
  const startedNanos = yield* Clock.monotonicTimeNanos
  const writtenMillis = yield* Effect.provide(
    Effect.gen(function* () {
      const reading = yield* Effect.forkChild(readFrom("start"))
      yield* Effect.provide(
        Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          const all = Array.from({ length: writers }, (_, writer) =>
            writeAll(sql, 1 + writer * share, share, writer)
          )
          yield* Effect.all(all, { concurrency: "unbounded" })
        }),
        PgClient.layer({ url, maxConnections: writers })
      )
      const millis = elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos)
      yield* Fiber.join(reading)
      return millis
    }),
    layerLog
  )
  const millis = elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos)
  const missing = seen.subarray(1).reduce((sum, one) => sum + (one === 0 ? 1 : 0), 0)
  const report = {
    receipts: total,
    writers,
    read,
    missing,
    repeated,
    resumed: stops - 1,
    secondsWriting: Math.round(writtenMillis / 100) / 10,
    seconds: Math.round(millis / 100) / 10
  }
  const surprises = [
    ...(missing === 0 ? [] : [`${missing} receipts were skipped`]),
    ...(repeated === 0 ? [] : [`${repeated} receipts came twice`])
  ]
  return { report, surprises } satisfies Seen
})
