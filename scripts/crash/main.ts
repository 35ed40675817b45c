/**
 * The crash harness: kills processes at every point of an action, for every recovery, and counts what
 * happened. `npm run crash`, with `-- --trials 20 --json` for a program to read.
 *
 * Everything is real: Postgres, the processes, SIGKILL, and an outside world in a process of its own,
 * which alone knows what was done. After each kill a surviving process asks for the same change again.
 * It ends with 1 if a row of the table is not as it has to be.
 *
 *     victim ──► kernel ──► ledger ──► world          survivor ──► kernel ──► receipt, or an honest doubt
 *          ✕ killed at one of four points                          (same change, asked again)
 */
import { Console, Effect, FileSystem, Layer, Redacted, Semaphore } from "effect"
import { Command, Flag } from "effect/cli"
import { layerClient } from "fibric/embedded"
import { layer as layerPostgres } from "fibric/postgres"
import * as Harness from "../harness/command.ts"
import { layerConnector, survivorSettings } from "./changes.ts"
import * as Database from "./Database.ts"
import * as OutsideWorld from "./OutsideWorld.ts"
import { draw, type KillPoint, killPoints, type Row, surprises } from "./table.ts"
import { askAgain, type Heard, kill, subjectOf } from "./trial.ts"

/** How many trials are under way at once; most of each is waiting for a lease to run out. */
const trialsAtOnce = 16

/** How many processes are starting at once: that costs a processor, and a victim's lease runs meanwhile. */
const victimsAtOnce = 4

/** Where a run takes place. */
type Where = Parameters<typeof kill>[2]

/** Kills and asks again, for every trial of a row; answers with what was heard. */
const heardOf = Effect.fnUntraced(function* (trials: number, where: Where) {
  const starting = yield* Semaphore.make(victimsAtOnce)
  const underWay = yield* Semaphore.make(trialsAtOnce)
  const trial = (killPoint: KillPoint, subject: string) =>
    kill(killPoint, subject, where).pipe(
      starting.withPermit,
      Effect.andThen(askAgain(killPoint, subject, where.world)),
      Effect.tap((heard) =>
        typeof heard === "string" ? Effect.void : Console.error(`${subject} was answered ${heard.error}`)
      ),
      underWay.withPermit
    )
  return yield* Effect.forEach(
    killPoints,
    (killPoint) =>
      Effect.forEach(
        Array.from({ length: trials }, (_, index) => subjectOf(killPoint, index + 1)),
        (subject) => Effect.map(trial(killPoint, subject), (heard) => ({ subject, heard })),
        { concurrency: "unbounded" }
      ).pipe(
        Effect.tap(Console.error(`${killPoint.recovery}, ${killPoint.point}: ${trials} killed`)),
        Effect.map((ends) => ({ ...killPoint, ends }))
      ),
    { concurrency: "unbounded" }
  )
})

/** Counts what really happened. The surviving kernel is closed by then: nothing more is sent. */
const countedRow = Effect.fnUntraced(function* (
  { ends, point, recovery }: KillPoint & { readonly ends: ReadonlyArray<{ subject: string; heard: Heard }> },
  effectsOf: (subject: string) => Effect.Effect<number, unknown>
) {
  const effects = yield* Effect.forEach(ends, ({ subject }) => effectsOf(subject))
  return {
    recovery,
    point,
    trials: ends.length,
    effectsMin: Math.min(...effects),
    effectsMax: Math.max(...effects),
    answered: ends.filter(({ heard }) => heard === "receipt").length,
    inDoubt: ends.filter(({ heard }) => heard === "in doubt").length
  } satisfies Row
})

const run = Effect.fnUntraced(function* (trials: number) {
  const { makeTempDirectoryScoped } = yield* FileSystem.FileSystem
  const compiled = Redacted.make(yield* makeTempDirectoryScoped({ prefix: "fibric-crash-" }))
  const [database, world] = yield* Effect.all([Database.make, OutsideWorld.make])
  const survivor = Layer.provideMerge(layerConnector(world), layerPostgres).pipe(
    Layer.provide(layerClient(database.url)),
    Layer.provide(survivorSettings)
  )
  const heard = yield* Effect.provide(heardOf(trials, { url: database.url, world, compiled }), survivor)
  return yield* Effect.forEach(heard, (row) =>
    countedRow(row, (subject) =>
      row.recovery === "transactional"
        ? database.effects(subject)
        : Effect.map(world.counts(subject), ({ effects }) => effects)
    )
  )
}, Effect.scoped)

const crash = Command.make(
  "crash",
  {
    trials: Harness.whole("trials", "How many processes to kill at each point, for each recovery", {
      least: 1,
      most: 1_000
    }).pipe(Flag.withDefault(5)),
    json: Harness.json
  },
  Effect.fn(function* ({ json, trials }) {
    const rows = yield* run(trials)
    yield* Console.log(json ? JSON.stringify({ killPoints: rows }) : draw(rows))
    const found = rows.flatMap(surprises)
    if (found.length > 0) return yield* new Harness.Surprised({ surprises: found })
  })
).pipe(Command.withDescription("Kills processes at every point of an action, and counts what happened"))

Harness.run(crash)
