/**
 * The chaos harness: real processes over a real Postgres, with everything in between going wrong, and an
 * outside world that alone knows what has happened. `npm run chaos -- --seconds 60 --json`.
 *
 *     worker ─┐            ┌─ wire ──► Postgres     both cut, delayed, stopped, started again
 *     worker ─┼─► kernel ──┤
 *     worker ─┘            └─────────► world        its record, beside the ledger's, is what is judged
 *       ✕ killed, stopped
 *
 * How to read it stands in docs/reliability.md. It ends with 1 unless the verdict is `ok`.
 */
import { Config, Console, Effect, Option, Random } from "effect"
import { Command, Flag } from "effect/cli"
import * as Harness from "../harness/command.ts"
import * as Broken from "./broken.ts"
import type { Options } from "./ground.ts"
import type { Report } from "./report.ts"
import { run } from "./run.ts"
import { type NotRun, stages } from "./Stage.ts"

/** What a program reads, in one line. */
const lineOf = ({
  answers,
  cuts,
  definite,
  effects,
  kills,
  restarts,
  seed,
  stops,
  verdict,
  violations
}: Report) => ({
  seed,
  kills,
  stops,
  restarts,
  cuts,
  effects,
  answers,
  definite,
  violations: violations.length,
  verdict
})

const mostTold = 20

const tell = Effect.fnUntraced(function* (report: Report, json: boolean) {
  for (const { name, sentence } of report.violations.slice(0, mostTold)) {
    yield* Console.error(`${name}: ${sentence}`)
  }
  if (report.violations.length > mostTold) {
    yield* Console.error(`and ${report.violations.length - mostTold} more`)
  }
  for (const sentence of report.little) yield* Console.error(`too little: ${sentence}`)
  if (!json) yield* Console.log(JSON.stringify(report.also, null, 2))
})

const commandOf = ({ seconds, seed, stage }: Options) =>
  `npm run chaos -- --seconds ${seconds} --seed ${seed}${stage === "plain" ? "" : ` --stage ${stage}`}`

/** Each mutant gets so long at most: what has to be found is found soon. */
const mutantSeconds = 20

/** The run itself, and where it is wanted the same with each mutant. */
const runAll = Effect.fnUntraced(function* (options: Options, withMutants: boolean, json: boolean) {
  const report = yield* run(options)
  yield* tell(report, json)
  if (!withMutants) return { line: lineOf(report), verdict: report.verdict }
  const seconds = Math.min(options.seconds, mutantSeconds)
  const found = yield* Broken.runAll({ seconds, seed: options.seed })
  const survived = found.filter(({ violations }) => violations === 0).map(({ name }) => name)
  const verdict = survived.length === 0 ? report.verdict : `"${survived.join('", "')}" survived`
  return {
    line: { ...lineOf(report), mutants: found },
    verdict: report.verdict === "ok" ? verdict : report.verdict
  }
})

/** What can't run here says so; where everything has to run, that is a failure. */
const notRun = Effect.fnUntraced(function* ({ message }: NotRun) {
  yield* Console.log(message)
  const isRequired = yield* Config.Boolean("CI").pipe(Config.withDefault(false))
  if (isRequired) return yield* new Harness.Told()
})

const chaos = Command.make(
  "chaos",
  {
    seconds: Harness.whole("seconds", "How long the faults last", { least: 5, most: 3_600 }).pipe(
      Flag.withDefault(60)
    ),
    seed: Harness.whole("seed", "What every choice follows from; without one a new one is drawn", {
      least: 0,
      most: 2 ** 31
    }).pipe(Flag.optional),
    json: Harness.json,
    stage: Flag.Literals("stage", stages).pipe(
      Flag.withDescription("A rarer fault beside the others, or a pooler between"),
      Flag.withDefault("plain" as const)
    ),
    mutants: Flag.Boolean("mutants").pipe(
      Flag.withDescription("Then the same with each mutant of the kernel, which has to be found"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(
    function* ({ json, mutants, seconds, seed: given, stage }) {
      const seed = Option.isSome(given) ? given.value : yield* Random.nextIntBetween(1, 1_000_000)
      const options = { seed, seconds, stage }
      const { line, verdict } = yield* runAll(options, mutants, json)
      // The command stands before the line that programs read, which is the last one.
      if (verdict !== "ok") yield* Console.error(`${verdict}. Again: ${commandOf(options)}`)
      yield* Console.log(JSON.stringify(line))
      if (verdict !== "ok") return yield* new Harness.Told()
    },
    Effect.catchTag("NotRun", notRun)
  )
).pipe(Command.withDescription("Lets everything go wrong at once, and judges what came of it"))

Harness.run(chaos)
