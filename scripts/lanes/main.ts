/**
 * The lanes harness: several worker processes that want the same entities, and an outside world that
 * sees when what happened. `npm run lanes`, with `-- --seconds 60 --json` for a program to read.
 *
 * Everything is real: Postgres, the processes, SIGSTOP and SIGKILL, and the world in a process of its own,
 * whose clock says whether two effects of an entity overlapped. It ends with 1 if something is not as it
 * has to be, and if there was nothing to be seen.
 *
 *     worker ─┐                    ┌─► ledger
 *     worker ─┼─► kernel, one each ┤             the same entities, all the time
 *     worker ─┘                    └─► world     begin and end of every effect
 */
import { Console, Effect, FileSystem, Redacted, type Scope } from "effect"
import { Command, Flag } from "effect/cli"
import * as Harness from "../harness/command.ts"
import * as Crowd from "./crowd.ts"
import * as Database from "./Database.ts"
import * as Guarded from "./guarded.ts"
import * as Kept from "./kept.ts"
import * as Stuck from "./stuck.ts"
import * as Told from "./told.ts"
import type { Where } from "./Workers.ts"

/** What a scenario saw, and what of it is not as it has to be. */
interface Seen {
  readonly report: unknown
  readonly surprises: ReadonlyArray<string>
}

const fairness = Effect.fnUntraced(function* (seconds: number, where: Where) {
  const report = yield* Crowd.run({ ...Crowd.hot, name: "fairness", atOnce: 1, seconds }, where)
  return { report, surprises: [...Crowd.surprises(report), ...Crowd.unfair(report)] }
})

const scenarios = {
  fairness,
  kept: Kept.run,
  told: Told.run,
  guarded: Guarded.run,
  stuck: (_seconds: number, where: Where) => Stuck.run(where)
} as const satisfies Record<
  string,
  (seconds: number, where: Where) => Effect.Effect<Seen, unknown, Scope.Scope>
>

type Scenario = keyof typeof scenarios
// The keys of a literal are its type's.
const names = Object.keys(scenarios) as ReadonlyArray<Scenario>

const run = Effect.fnUntraced(function* (seconds: number, wanted: ReadonlyArray<Scenario>) {
  const { makeTempDirectoryScoped } = yield* FileSystem.FileSystem
  const compiled = Redacted.make(yield* makeTempDirectoryScoped({ prefix: "fibric-lanes-" }))
  const where: Where = { database: yield* Database.make, compiled }
  // One after the other: each has the machine for itself.
  return yield* Effect.forEach(wanted, (name) =>
    Effect.map(scenarios[name](seconds, where), (seen: Seen) => ({ name, ...seen }))
  )
}, Effect.scoped)

const lanes = Command.make(
  "lanes",
  {
    seconds: Harness.whole("seconds", "How long each crowd asks", { least: 3, most: 600 }).pipe(
      Flag.withDefault(10)
    ),
    only: Flag.Literals("only", names).pipe(
      Flag.withDescription("A scenario to run, in place of all of them; may be given several times"),
      Flag.between(0, names.length)
    ),
    json: Harness.json
  },
  Effect.fn(function* ({ json, only, seconds }) {
    const seen = yield* run(seconds, only.length === 0 ? names : only)
    const surprises = seen.flatMap(({ name, surprises }) =>
      surprises.map((sentence) => `${name}: ${sentence}`)
    )
    const reports = Object.fromEntries(seen.map(({ name, report }) => [name, report]))
    yield* Console.log(JSON.stringify({ ...reports, surprises }, null, json ? 0 : 2))
    if (surprises.length > 0) return yield* new Harness.Surprised({ surprises })
  })
).pipe(Command.withDescription("Lets processes want the same entities, and looks at who waits for whom"))

Harness.run(lanes)
