/**
 * The cluster harness: two runners on one Postgres, one of them killed or stopped in the middle of an
 * effect, and what really happened. `npm run cluster`, with `-- --kills 4 --freezes 2 --json`.
 *
 * Everything is real: Postgres, the runners, their signals, and an outside world in a process of its own,
 * which alone knows what was done and when. It ends with 1 where a change happened twice, where two effects
 * of one entity overlapped, or where nothing was shown.
 */
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import * as Harness from "../harness/command.ts"
import * as Database from "../harness/Database.ts"
import { type Plan, tell } from "./story.ts"
import * as World from "./World.ts"

const median = (numbers: ReadonlyArray<number>): number | null =>
  [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? null

const run = Effect.fnUntraced(function* (plan: Plan) {
  const [database, world] = yield* Effect.all([Database.make("cluster"), World.make])
  const told = yield* Effect.scoped(tell(plan, { url: database.url, world }))
  const { duplicates, effects, overlaps, recognised } = yield* world.report
  return {
    runners: 2,
    kills: told.kills,
    freezes: told.freezes,
    effects,
    duplicates,
    overlaps,
    failoverSeconds: median(told.failovers),
    failovers: told.failovers,
    recognised,
    timings: plan.timings,
    asked: told.asked,
    unanswered: told.unanswered
  }
}, Effect.scoped)

/** What must not be. Nothing that was seen shows nothing. */
const surprises = (
  { duplicates, effects, failoverSeconds, overlaps, unanswered }: Effect.Success<ReturnType<typeof run>>,
  kills: number
): ReadonlyArray<string> => [
  ...(duplicates > 0 ? [`${duplicates} changes happened twice`] : []),
  ...(overlaps > 0 ? [`${overlaps} overlapped`] : []),
  ...(unanswered > 0 ? [`${unanswered} were never answered`] : []),
  ...(effects === 0 ? ["no effect was seen"] : []),
  ...(kills > 0 && failoverSeconds === null ? ["no failover was seen"] : [])
]

const times = (name: string, description: string, standard: number) =>
  Harness.whole(name, description, { least: 0, most: 1_000 }).pipe(Flag.withDefault(standard))

const cluster = Command.make(
  "cluster",
  {
    kills: times("kills", "How often a runner is killed", 4),
    freezes: times("freezes", "How often a runner is stopped and continued", 2),
    defaultTimings: Flag.Boolean("default-timings").pipe(
      Flag.withDescription("Effect's own timings instead of the quick ones"),
      Flag.withDefault(false)
    ),
    json: Harness.json
  },
  Effect.fn(function* ({ defaultTimings, freezes, json, kills }) {
    const counts = yield* run({ kills, freezes, timings: defaultTimings ? "default" : "quick" })
    yield* Console.log(json ? JSON.stringify(counts) : counts)
    const found = surprises(counts, kills)
    if (found.length > 0) return yield* new Harness.Surprised({ surprises: found })
  })
).pipe(Command.withDescription("Kills and stops runners of a cluster, and counts what happened"))

Harness.run(cluster)
