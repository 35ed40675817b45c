/**
 * The simulation of fibric itself: thousands of seeds, each another order of things and other faults, all of
 * them on the real kernel. `npm run sim -- --seeds 5000`; with `--seed` one seed and what happened in it; with
 * `--mutants` the kernel is broken on purpose, and each bug must be caught.
 *
 * It ends with 1 if an invariant was violated, if a seed was not the same twice, if a mutant survived, or if
 * it was vacuous: a cell of fault × step that was never hit, too few steps or processes.
 */
import { Clock, Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { availableParallelism } from "node:os"
import * as Harness from "../harness/command.ts"
import * as Scratch from "../harness/Scratch.ts"
import * as Faults from "../../src/testing/simulation/Faults.ts"
import * as Simulation from "../../src/testing/simulation/Simulation.ts"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"
import * as Broken from "./broken.ts"
import * as Crew from "./Crew.ts"
import * as Scenario from "./scenario.ts"
import type { Violated } from "./seeds.ts"
import { shrink } from "./shrink.ts"

/** Fewer seeds than this can't be expected to meet every cell. */
const enoughForAll = 5_000
const leastSteps = 200

const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

const simulate = Effect.fnUntraced(function* (from: number, count: number) {
  const steps: Array<number> = []
  const hits = new Map<string, number>()
  const violations: Array<Violated> = []
  const differing: Array<number> = []
  let kills = 0
  let replicasMin = Infinity
  const startedNanos = yield* Clock.monotonicTimeNanos
  yield* Effect.promise(() =>
    Crew.simulate(Scratch.root, { from, count }, (chunk) => {
      steps.push(...chunk.steps)
      kills += chunk.kills
      replicasMin = Math.min(replicasMin, chunk.replicasMin)
      violations.push(...chunk.violations)
      differing.push(...chunk.differing)
      for (const [name, times] of Object.entries(chunk.hits)) hits.set(name, (hits.get(name) ?? 0) + times)
    })
  )
  const seconds = elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos) / 1_000
  const total = steps.reduce((sum, one) => sum + one, 0)
  const cells = Faults.cellsOf().map(Faults.nameOf)
  return {
    seeds: count,
    violations: violations.length,
    violated: violations.sort((a, b) => a.seed - b.seed).slice(0, 10),
    stepsPerSecond: Math.round(total / seconds),
    medianSteps: median(steps),
    steps: total,
    seconds: Math.round(seconds),
    kills,
    replicasMin,
    differing,
    coverage: {
      cells: cells.length,
      hit: cells.filter((name) => hits.has(name)).length,
      missed: cells.filter((name) => !hits.has(name)),
      names: cells
    }
  }
})

/** What of a run is not as it has to be. */
const complaints = (run: Effect.Success<ReturnType<typeof simulate>>): ReadonlyArray<string> => [
  ...run.violated.map(
    ({ detail, invariant, seed }) => `${invariant}: ${detail}. Replay it: npm run sim -- --seed ${seed}`
  ),
  ...run.differing.map((seed) => `seed ${seed} was not the same twice`),
  ...(run.medianSteps < leastSteps ? [`VACUOUS: ${run.medianSteps} steps a seed`] : []),
  ...(run.replicasMin < 2 ? ["VACUOUS: a seed with one process"] : []),
  ...(run.seeds >= enoughForAll ? run.coverage.missed.map((name) => `VACUOUS: ${name} was never hit`) : [])
]

/** One seed: what happened, and where it fails, how little of it is needed for that. */
const replay = Effect.fnUntraced(function* (seed: number, json: boolean) {
  const scenario = Scenario.of(seed)
  const outcome = Simulation.run(scenario, seed, { keepsTrace: true })
  const asks = scenario.asks.map(
    ({ action }) =>
      `${action.capability.name} ${action.entity.type}-${action.entity.id} ${JSON.stringify(action.payload)}`
  )
  if (json) {
    const { digest, effects, plan, steps, violations } = outcome
    yield* Console.log(
      JSON.stringify({ seed, digest, steps, effects: effects.length, violations, plan, asks })
    )
  } else {
    for (const line of outcome.trace) if (!line.endsWith("a task")) yield* Console.log(line)
    yield* Console.log(`seed ${seed}: ${outcome.steps} steps, ${outcome.digest}`)
    yield* Console.log(asks.join("\n"))
  }
  const [first] = outcome.violations
  if (first === undefined) return
  const smallest = shrink(scenario, outcome.plan, first.invariant)
  if (!json) {
    yield* Console.log("\nThis little of it is enough:")
    for (const { asking, atMillis, replica } of smallest.requests) {
      yield* Console.log(`  at ${atMillis} ms process ${replica + 1} is asked for: ${asks[asking]}`)
    }
    for (const fault of smallest.faults) yield* Console.log(`  ${Faults.nameOf(fault)}, time ${fault.nth}`)
    for (const at of smallest.verdictsAt) yield* Console.log(`  at ${at} ms a person says something`)
  }
  return yield* new Harness.Surprised({
    surprises: outcome.violations.map(({ detail, invariant }) => `${invariant}: ${detail}`)
  })
})

const sim = Command.make(
  "sim",
  {
    seeds: Harness.whole("seeds", "How many seeds are simulated (default: 1000)").pipe(
      Flag.withDefault(1_000)
    ),
    from: Harness.whole("from", "The first of them (default: 1)").pipe(Flag.withDefault(1)),
    seed: Harness.whole("seed", "One seed, told step by step").pipe(Flag.optional),
    mutants: Flag.Boolean("mutants").pipe(
      Flag.withDescription("Break the kernel on purpose as well; each bug must be caught"),
      Flag.withDefault(false)
    ),
    only: Flag.String("only").pipe(
      Flag.withDescription("With --mutants: those whose name has these words"),
      Flag.withDefault("")
    ),
    json: Harness.json
  },
  Effect.fn(function* ({ from, json, mutants, only, seed, seeds }) {
    if (Option.isSome(seed)) return yield* replay(seed.value, json)
    const { violated, ...run } = yield* simulate(from, seeds)
    const judged = mutants
      ? yield* Effect.promise(() =>
          Broken.judgeAll(only, availableParallelism(), ({ caughtBy, name, seeds }) => {
            if (json) return
            const end =
              caughtBy.length > 0 ? `caught by ${caughtBy.join(", ")} after ${seeds} seeds` : "SURVIVED"
            process.stdout.write(`${name}: ${end}\n`)
          })
        )
      : undefined
    const survivors = (judged ?? []).filter(({ caughtBy }) => caughtBy.length === 0)
    const broken = judged && {
      mutants: {
        total: judged.length,
        caught: judged.length - survivors.length,
        names: judged.map(({ caughtBy, name, seeds }) => ({ name, caughtBy, seeds }))
      }
    }
    yield* Console.log(JSON.stringify({ ...run, ...broken }, null, json ? 0 : 2))
    const why = [...complaints({ ...run, violated }), ...survivors.map(({ name }) => `SURVIVED: ${name}`)]
    if (why.length > 0) return yield* new Harness.Surprised({ surprises: why })
  })
).pipe(Command.withDescription("Simulates the kernel, seed by seed"))

Harness.run(sim)
