/**
 * run: the phases of one run. Warm up, faults, heal, everything asked for again, until the recoveries have
 * ended; then the record is taken, and nothing that a worker said of itself is in it.
 */
import { Clock, Effect, Fiber, FileSystem, Layer, Redacted } from "effect"
import { layerClient } from "fibric/embedded"
import { Seals } from "../../src/kernel/Seals.ts"
import { elapsedMillis, stopwatch } from "../../src/kernel/Stopwatch.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgSeals from "../../src/postgres/PgSeals.ts"
import * as Crowd from "./crowd.ts"
import * as Fleet from "./Fleet.ts"
import { patienceMillis } from "./judge/ends.ts"
import { type Record, readLedger } from "./judge/Record.ts"
import { counted, type Numbers, tooLittle, type Verdict, verdictOf, violations } from "./judge/verdict.ts"
import type { Violation } from "./judge/Violation.ts"
import * as Nemesis from "./nemesis.ts"
import * as OutsideWorld from "./OutsideWorld.ts"
import * as Server from "./Server.ts"
import { labelOf } from "./Wish.ts"
import * as Wire from "./Wire.ts"

export interface Options {
  readonly seed: number
  /** How long the faults last. What comes before and after takes about as long as it needs. */
  readonly seconds: number
}

export interface Report extends Numbers {
  readonly seed: number
  /** Further faults, and what else tells how much the run has seen. */
  readonly also: Readonly<{ [name: string]: number | Readonly<{ [name: string]: number }> }>
  readonly violations: ReadonlyArray<Violation>
  readonly little: ReadonlyArray<string>
  readonly verdict: Verdict
}

const places = 5

const warmUpMillis = 2_000

/** Longer than any lease, deadline and grace: what was silent at the end of the faults is called so by then. */
const healMillis = 3_000

const againMillis = 40_000
const recoveryMillis = 25_000

export const run = Effect.fnUntraced(function* ({ seconds, seed }: Options) {
  const { makeTempDirectoryScoped } = yield* FileSystem.FileSystem
  const folder = yield* makeTempDirectoryScoped({ prefix: "fibric-chaos-" })
  const program = yield* Fleet.bundle(folder)
  const server = yield* Server.make
  const world = yield* OutsideWorld.make(seed)
  const wire = yield* Wire.make(server.socket)
  const fleet = yield* Fleet.make({
    places,
    program,
    world,
    url: () => server.urlAt(wire.port),
    compiled: Redacted.make(folder)
  })
  const counts: Nemesis.Counts = {
    kills: 0,
    stops: 0,
    restarts: 0,
    terminated: 0,
    blocked: 0,
    exhausted: 0,
    delays: 0
  }
  yield* Fleet.complete(fleet)
  const elapsed = yield* stopwatch
  const crowd = yield* Effect.forkScoped(Crowd.run(fleet, seed))
  yield* Effect.sleep(warmUpMillis)
  yield* Nemesis.run(Nemesis.plan(seed, seconds, places), { fleet, wire, server }, counts)
  yield* Fiber.interrupt(crowd)
  yield* wire.pass
  yield* Fleet.complete(fleet)
  yield* Effect.sleep(healMillis)
  const healedMillis = yield* elapsed
  const head = yield* withSeals(server, ({ head }) => head)
  yield* Crowd.again(fleet, againMillis)
  const askedMillis = yield* elapsed
  yield* recovered(server, world)
  const ledger = yield* Server.withClient(server.url(), readLedger)
  const record: Record = {
    ...ledger,
    orders: yield* world.record,
    asked: fleet.log,
    verification: yield* withSeals(server, ({ verify }) => verify(head)),
    crashed: fleet.crashed()
  }
  const cuts = yield* wire.cuts
  const { kills, restarts, stops, ...others } = counts
  const numbers: Numbers = {
    kills,
    stops,
    restarts,
    cuts: Object.values(cuts).reduce((sum, count) => sum + count, 0),
    ...counted(record)
  }
  const found = violations(record)
  const little = tooLittle(numbers, seconds)
  return {
    seed,
    ...numbers,
    also: {
      ...others,
      started: fleet.started(),
      asked: fleet.log.length,
      keys: ledger.rows.length,
      receipts: ledger.receipts.length,
      seals: record.verification.seals,
      seconds: {
        healed: Math.round(healedMillis / 100) / 10,
        askedAgain: Math.round(askedMillis / 100) / 10,
        recovered: Math.round((yield* elapsed) / 100) / 10
      },
      lost: cuts,
      states: tally(ledger.rows.map(({ state }) => state)),
      heard: tally(fleet.log.map(({ answer, died }) => answer?.answer ?? (died ? "died" : "nothing")))
    },
    violations: found,
    little,
    verdict: verdictOf(found, little)
  } satisfies Report
}, Effect.scoped)

const tally = (names: ReadonlyArray<string>): Readonly<{ [name: string]: number }> =>
  Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, own]) => [name, own.length]))

const withSeals = <A, E>(server: Server.Server, use: (seals: Seals["Service"]) => Effect.Effect<A, E>) =>
  Effect.provide(
    Effect.flatMap(Seals, use),
    PgSeals.layer.pipe(Layer.provide(LedgerClient.layerCommand), Layer.provide(layerClient(server.url())))
  )

/**
 * Waits until nothing is under way, and nothing is in doubt that can soon be settled: a key to be sent
 * again or released, or one whose effect will be found. At the bound the judge sees what is left.
 */
const recovered = Effect.fnUntraced(function* (server: Server.Server, world: OutsideWorld.OutsideWorld) {
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
