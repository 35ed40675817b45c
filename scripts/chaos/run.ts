/**
 * run: the phases of one run. Warm up, faults, heal, everything asked for again, until the recoveries have
 * ended; then the record is taken, and nothing that a worker said of itself is in it.
 */
import { Clock, Effect, Fiber, Layer } from "effect"
import { layerClient } from "fibric/embedded"
import { Seals } from "../../src/kernel/Seals.ts"
import { elapsedMillis, stopwatch } from "../../src/kernel/Stopwatch.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgSeals from "../../src/postgres/PgSeals.ts"
import * as Crowd from "./crowd.ts"
import * as Disk from "./Disk.ts"
import * as Fleet from "./Fleet.ts"
import * as Ground from "./ground.ts"
import { patienceMillis } from "./judge/ends.ts"
import { type Record, readLedger } from "./judge/Record.ts"
import * as Nemesis from "./nemesis.ts"
import * as Report from "./report.ts"
import * as Server from "./Server.ts"
import { labelOf } from "./Wish.ts"

const warmUpMillis = 2_000

/** Longer than any lease, deadline and grace: what was silent at the end of the faults is called so by then. */
const healMillis = 3_000

const againMillis = 40_000
const recoveryMillis = 25_000

/** One run, and what is to be said of it. */
export const run = Effect.fnUntraced(function* (options: Ground.Options) {
  const ground = yield* Ground.make(options)
  const { fleet, server, wire, world } = ground
  const elapsed = yield* stopwatch
  const counts = yield* suffer(options, ground)
  const healedSeconds = (yield* elapsed) / 1_000
  const head = yield* withSeals(server, ({ head }) => head)
  yield* Crowd.again(fleet, againMillis)
  yield* recovered(ground)
  const record: Record = {
    ...(yield* Server.withClient(server.url(), readLedger)),
    orders: yield* world.record,
    asked: fleet.log,
    verification: yield* withSeals(server, ({ verify }) => verify(head)),
    crashed: fleet.crashed()
  }
  return Report.make(options, record, {
    ...counts,
    cuts: yield* wire.cuts,
    started: fleet.started(),
    fullDisks: options.stage === "disk-full" ? yield* Disk.met(server) : 0,
    healedSeconds,
    seconds: (yield* elapsed) / 1_000
  })
}, Effect.scoped)

/** Lets the crowd ask, and everything happen to it; returns when all is well again. */
const suffer = Effect.fnUntraced(function* ({ seconds, seed, stage }: Ground.Options, ground: Ground.Ground) {
  const { fleet, wire } = ground
  const counts = Nemesis.none()
  const crowd = yield* Effect.forkScoped(Crowd.run(fleet, seed))
  yield* Effect.sleep(warmUpMillis)
  const planned = Nemesis.plan(seed, seconds, fleet.places, stage === "disk-full")
  yield* Nemesis.run(planned, ground, counts)
  yield* Fiber.interrupt(crowd)
  yield* wire.pass
  yield* Fleet.complete(fleet)
  yield* Effect.sleep(healMillis)
  return counts
})

const withSeals = <A, E>(server: Server.Server, use: (seals: Seals["Service"]) => Effect.Effect<A, E>) =>
  Effect.provide(
    Effect.flatMap(Seals, use),
    PgSeals.layer.pipe(Layer.provide(LedgerClient.layerCommand), Layer.provide(layerClient(server.url())))
  )

/**
 * Waits until nothing is under way, and nothing is in doubt that can soon be settled: a key to be sent
 * again or released, or one whose effect will be found. At the bound the judge sees what is left.
 */
const recovered = Effect.fnUntraced(function* ({ server, world }: Ground.Ground) {
  const startedNanos = yield* Clock.monotonicTimeNanos
  const happened = (yield* world.record).flatMap((order) => (order.effect === null ? [] : [labelOf(order)]))
  while (true) {
    const [row] = yield* Server.withClient(
      server.url(),
      (sql) => sql<{ open: number }>`
        SELECT count(*)::int AS open FROM fibric.ledger
        WHERE state = 'performing' OR (
          state = 'in_doubt' AND recover_at < clock_timestamp() + interval '5 seconds'
          AND (capability IN ('resend', 'release') OR key = ANY(${happened}::text[]))
        )`
    )
    const passed = elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos)
    // What has just been found due gets the judge's patience at least.
    if ((row?.open === 0 && passed > patienceMillis) || passed > recoveryMillis) return
    yield* Effect.sleep(250)
  }
})
