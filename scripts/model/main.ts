/**
 * The model of a key's life, checked by spin in every order of steps: `npm run model`, with `--workers 4` for one
 * more worker than CI looks at. Then the model is broken on purpose, and spin must see it.
 *
 * spin and gcc are Debian's; where spin is missing it is installed, and where that fails nothing is claimed.
 */
import { Clock, Console, Effect, FileSystem, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Harness from "../harness/command.ts"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"

const model = fileURLToPath(new URL("../../model/fibric.pml", import.meta.url))

/** What spin must find: switches of the model, by what they break. */
const mutants = {
  "a claim leaves no mark before the call": "NO_MARK",
  "a key in doubt is claimed again": "RE_ARM"
} as const

class Failed extends Schema.TaggedError<Failed>()("Failed", { why: Schema.String }) {
  override get message() {
    return this.why
  }
}

/** Runs a program in a folder; what it printed, also where it failed. */
const run = (folder: string, program: string, ...args: ReadonlyArray<string>) =>
  Effect.sync(() => {
    const { error, status, stderr, stdout } = spawnSync(program, args, {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024
    })
    return { found: error === undefined, succeeded: status === 0, text: `${stdout}${stderr}` }
  })

const install = Effect.fnUntraced(function* () {
  for (const program of ["spin", "gcc"]) {
    if ((yield* run("/", program, "--version")).found) continue
    yield* run("/", "apt-get", "update")
    yield* run("/", "apt-get", "install", "-y", program)
    if (!(yield* run("/", program, "--version")).found) {
      return yield* new Failed({ why: `not run: ${program} is not here, and could not be installed` })
    }
  }
})

/** Checks the model in every order of steps, with some of its switches on. */
const check = Effect.fnUntraced(function* (workers: number, switches: ReadonlyArray<string>) {
  const { makeTempDirectoryScoped } = yield* FileSystem.FileSystem
  const folder = yield* makeTempDirectoryScoped({ prefix: "fibric-model-" })
  const made = yield* run(
    folder,
    "spin",
    "-a",
    `-DWORKERS=${workers}`,
    ...switches.map((name) => `-D${name}`),
    model
  )
  if (!made.succeeded) return yield* new Failed({ why: `spin can't read the model:\n${made.text}` })
  // Assertions and end states in which somebody still waits, without acceptance cycles: a tenth of the time.
  const compiled = yield* run(folder, "gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c")
  if (!compiled.succeeded)
    return yield* new Failed({ why: `gcc can't compile the checker:\n${compiled.text}` })
  const startedNanos = yield* Clock.monotonicTimeNanos
  const { text } = yield* run(folder, "./pan", "-m1000000", "-n")
  const seconds = Math.round(elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos) / 1_000)
  const errors = Number(/errors: (\d+)/.exec(text)?.[1] ?? Number.NaN)
  const states = Number(/(\S+) states, stored/.exec(text)?.[1] ?? Number.NaN)
  // A search that stopped early has not looked at everything.
  const isWhole = !/max search depth too small|out of memory|Search not completed/i.test(text)
  if (!Number.isFinite(errors) || !Number.isFinite(states)) {
    return yield* new Failed({ why: `the checker did not come to its end:\n${text.slice(-2_000)}` })
  }
  const complaint = /pan:\d*:? ?(.*(?:violated|invalid end state).*)/.exec(text)?.[1] ?? null
  return { errors, states, seconds, isWhole, complaint }
}, Effect.scoped)

const command = Command.make(
  "model",
  {
    workers: Harness.whole("workers", "How many workers want the key (default: 3)", {
      least: 1,
      most: 5
    }).pipe(Flag.withDefault(3)),
    json: Harness.json
  },
  Effect.fn(function* ({ json, workers }) {
    yield* install()
    const { complaint, errors, isWhole, seconds, states } = yield* check(workers, [])
    const judged = yield* Effect.forEach(Object.entries(mutants), ([name, flag]) =>
      Effect.map(check(workers, [flag]), (one) => ({
        name,
        found: one.errors > 0 && one.complaint?.includes("effects") === true,
        by: one.complaint
      }))
    )
    yield* Console.log(
      JSON.stringify({ workers, states, seconds, violations: errors, mutants: judged }, null, json ? 0 : 2)
    )
    if (errors > 0) return yield* new Failed({ why: `the model is violated: ${complaint ?? "see spin"}` })
    if (!isWhole) return yield* new Failed({ why: "the search did not come to its end" })
    const missed = judged.filter(({ found }) => !found)
    if (missed.length > 0) {
      return yield* new Failed({ why: `not found: ${missed.map(({ name }) => name).join(", ")}` })
    }
  })
).pipe(Command.withDescription("Checks the model of a key's life in every order of steps"))

Harness.run(command)
