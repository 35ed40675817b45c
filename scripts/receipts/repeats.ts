/**
 * repeats: one key asked for again and again, one request after the other and all at once. How many rows
 * that leaves, before they are folded and after.
 */
import { Clock, Effect, Layer } from "effect"
import { execute, Settings } from "fibric"
import { layerClient } from "fibric/embedded"
import { layer as layerPostgres } from "fibric/postgres"
import { Seals } from "../../src/kernel/Seals.ts"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"
import { action, layerConnector } from "./action.ts"
import { layerSeals, rowsOf, sealAll } from "./Rows.ts"
import type { Seen, Where } from "./main.ts"

/** Asks so often, with so many under way at once. */
const ask = (entity: string, requests: number, atOnce: number) =>
  Effect.forEach(Array.from({ length: requests }), () => execute(action(entity)), {
    concurrency: atOnce,
    discard: true
  })

const story = Effect.fnUntraced(function* (entity: string, requests: number, atOnce: number, where: Where) {
  const { sql, url } = where.database
  let effects = 0
  const runtime = layerConnector(() => (effects += 1)).pipe(
    Layer.provideMerge(layerPostgres),
    // Nothing is folded while it is counted what was there before.
    Layer.provide([layerClient(url), Settings.layer({ sealMillis: 3_600_000 })])
  )
  const startedNanos = yield* Clock.monotonicTimeNanos
  yield* Effect.provide(ask(entity, requests, atOnce), runtime)
  const millis = elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos)
  const before = yield* rowsOf(sql, action(entity).key.label)
  const { seals, verification } = yield* Effect.provide(
    Effect.gen(function* () {
      return { seals: yield* sealAll, verification: yield* (yield* Seals).verify() }
    }),
    layerSeals(url)
  )
  const after = yield* rowsOf(sql, action(entity).key.label)
  const report = {
    asked: requests,
    atOnce,
    effects,
    rowsBefore: before.rows,
    rowsAfter: after.rows,
    requestsBefore: before.requests,
    requestsAfter: after.requests,
    seals: seals.seals,
    seconds: Math.round(millis / 100) / 10,
    findings: verification.findings.length
  }
  const surprises = [
    ...(effects === 1 ? [] : [`${effects} effects`]),
    ...(before.requests === requests ? [] : [`${before.requests} receipts of ${requests} before folding`]),
    ...(after.requests === requests ? [] : [`${after.requests} receipts of ${requests} after folding`]),
    ...(after.rows < before.rows || before.rows < 10 ? [] : ["nothing was folded"]),
    ...(verification.findings.length === 0 ? [] : ["the seals do not verify"])
  ]
  return { report, surprises } satisfies Seen
})

/** One request after the other. */
export const loop = (size: number, where: Where) => story("loop", size, 1, where)

/** All of them at once. */
export const flood = (size: number, where: Where) => story("flood", size, size, where)
