/**
 * victim: a process that asks for one change and kills itself with SIGKILL at one point of the way. It
 * prints the point's name right before, so that whoever started it knows that it got there.
 *
 * Usage: victim.ts <recovery> <point> <subject> <the world's port>, with `DATABASE_URL`. The kernel is the
 * public one, over a ledger that stands between it and Postgres and knows when to die.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { PgClient } from "@effect/sql-pg"
import { Config, Console, Effect, Layer, Logger, Schema } from "effect"
import { Operator } from "fibric"
import { writeSync } from "node:fs"
import { flushCompileCache } from "node:module"
import { Ledger } from "../../src/kernel/Ledger.ts"
import * as Runtime from "../../src/kernel/Runtime.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import * as PgReceiptLog from "../../src/postgres/PgReceiptLog.ts"
import { ask, layerConnector, victimSettings } from "./changes.ts"
import * as OutsideWorld from "./OutsideWorld.ts"
import { type Point, points, recoveries } from "./table.ts"

const Arguments = Schema.Tuple([
  Schema.Literals(recoveries),
  Schema.Literals(points),
  Schema.NonEmptyString,
  Schema.FiniteFromString
])

/** Nothing of this process runs any more after this: no finalizer, no write, no reply. */
const die = (point: Point) =>
  Effect.andThen(
    Effect.sync(() => {
      writeSync(1, `${point}\n`)
      process.kill(process.pid, "SIGKILL")
    }),
    Effect.never
  )

/** Postgres's ledger, which dies before or after a statement of this process. */
const layerMortal = (at: Point) => {
  const dieIf = (condition: boolean) => (condition ? die(at) : Effect.void)
  return Layer.effect(
    Ledger,
    Effect.map(Ledger, (ledger) =>
      Ledger.of({
        ...ledger,
        claim: (claim) =>
          dieIf(at === "before-claim").pipe(
            Effect.andThen(ledger.claim(claim)),
            Effect.tap(({ _tag }) => dieIf(at === "after-claim" && _tag === "Claimed"))
          ),
        settle: (settlement) =>
          Effect.tap(ledger.settle(settlement), ({ _tag }) =>
            dieIf(at === "after-settle" && _tag === "Settled")
          ),
        transact: (attempt, effect) =>
          Effect.tap(ledger.transact(attempt, effect), ({ _tag }) =>
            dieIf(at === "after-settle" && _tag === "Settled")
          ),
        // Whoever took another trial's doubt would take it to the grave: two kills in one trial.
        takeDue: () => Effect.succeed([])
      })
    )
  ).pipe(Layer.provide(PgLedger.layer))
}

const layerDatabase = Layer.unwrap(
  Effect.map(Config.Redacted("DATABASE_URL"), (url) => PgClient.layer({ url, maxConnections: 2 }))
)

const program = Effect.gen(function* () {
  const [recovery, point, subject, port] = yield* Schema.decodeUnknownEffect(Arguments)(process.argv.slice(2))
  const layerKernel = Runtime.layer.pipe(
    Layer.provide([layerMortal(point), PgReceiptLog.layer]),
    Layer.provide(LedgerClient.layer),
    Layer.provide(layerDatabase)
  )
  const connector = layerConnector(OutsideWorld.at(port), point === "after-effect" ? die(point) : undefined)
  // Who is killed writes no cache at its end, and the next victim would compile everything again.
  flushCompileCache()
  yield* Effect.exit(ask(recovery, subject)).pipe(
    Operator.as("victim"),
    Effect.flatMap((exit) => Console.error(`The victim outlived "${point}":`, exit)),
    Effect.provide(Layer.provideMerge(connector, layerKernel))
  )
})

NodeRuntime.runMain(Effect.provide(program, [Logger.layer([]), victimSettings]))
