/**
 * The cluster harness: two runners on one Postgres, one of them killed or stopped in the middle of an
 * effect, and what really happened. `npm run cluster`, with `-- --kills 4 --freezes 2 --json`.
 *
 * Everything is real: Postgres, the runners, their signals, and an outside world in a process of its own,
 * which alone knows what was done and when. It ends with 1 where a change happened twice, where two effects
 * of one entity overlapped, or where nothing was shown.
 */
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Harness from "../harness/command.ts"
import * as Database from "../harness/Database.ts"
import { type Plan, tell } from "./story.ts"
import * as World from "./World.ts"

/** What happened is not what must. */
class Broken extends Schema.TaggedError<Broken>()("Broken", { sentence: Schema.String }) {
  override get message() {
    return this.sentence
  }
}

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

const times = (name: string, description: string, standard: number) =>
  Flag.Int(name).pipe(
    Flag.withDescription(description),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 }))),
    Flag.withDefault(standard)
  )

const cluster = Command.make(
  "cluster",
  {
    kills: times("kills", "How often a runner is killed", 4),
    freezes: times("freezes", "How often a runner is stopped and continued", 2),
    defaultTimings: Flag.Boolean("default-timings").pipe(
      Flag.withDescription("Effect's own timings instead of the quick ones"),
      Flag.withDefault(false)
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print the counts as one line of JSON"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ defaultTimings, freezes, json, kills }) {
    const counts = yield* run({ kills, freezes, timings: defaultTimings ? "default" : "quick" })
    yield* Console.log(json ? JSON.stringify(counts) : counts)
    const { duplicates, effects, failoverSeconds, overlaps, unanswered } = counts
    if (duplicates > 0 || overlaps > 0) {
      return yield* new Broken({ sentence: `${duplicates} changes happened twice, ${overlaps} overlapped.` })
    }
    if (unanswered > 0) return yield* new Broken({ sentence: `${unanswered} were never answered.` })
    if (effects === 0 || (kills > 0 && failoverSeconds === null)) {
      return yield* new Broken({ sentence: "Nothing was shown: no effect, or no failover, was seen." })
    }
  })
).pipe(Command.withDescription("Kills and stops runners of a cluster, and counts what happened"))

Harness.run(cluster)
