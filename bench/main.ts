/**
 * The benchmark: fibric beside what can be written by hand, on a Postgres of its own, with the same work for
 * everybody. `npm run bench`, with `-- --json` for a program to read. What is measured, how, and what came
 * of it stands in docs/performance.md.
 *
 * It ends with 1 if something is not as it has to be (effects, receipts, answers), however fast it was.
 */
import { Console, Effect, FileSystem, Redacted, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Harness from "../scripts/harness/command.ts"
import * as A from "./contests/A.ts"
import * as B from "./contests/B.ts"
import * as C from "./contests/C.ts"
import type { Where } from "./contests/Contest.ts"
import * as D from "./contests/D.ts"
import * as F from "./contests/F.ts"
import * as Growth from "./contests/growth.ts"
import * as M from "./contests/M.ts"
import * as Replicas from "./contests/replicas.ts"
import { full, quick, scaled } from "./contests/Sizes.ts"
import * as Server from "./harness/Server.ts"
import * as Subject from "./harness/Subject.ts"
import * as Results from "./Results.ts"

/** Each answers with its part of the report, and with the rounds that it kept where it has rounds. */
const workloads = {
  A: (where: Where) =>
    Effect.map(A.run(where), ({ report, rounds }) => ({
      rounds,
      parts: { A: report },
      baselines: { naive: report.naive.rate, group: report.group.rate }
    })),
  B: (where: Where) =>
    Effect.map(B.run(where), ({ B1, B2, rounds }) => ({
      rounds,
      parts: { B1, B2 },
      baselines: { logged: B2.logged.rate }
    })),
  C: (where: Where) => Effect.map(C.run(where), ({ report, rounds }) => ({ rounds, parts: { C: report } })),
  D: (where: Where) =>
    Effect.map(D.run(where), ({ report, rounds }) => ({
      rounds,
      parts: { D: report },
      baselines: { any: report.any.rate }
    })),
  M: (where: Where) => Effect.map(M.run(where), (report) => ({ parts: { M: report } })),
  F: (where: Where) => Effect.map(F.run(where), (report) => ({ parts: { F: report } })),
  growth: (where: Where) =>
    Effect.map(Growth.run(where), ({ report, rounds }) => ({ rounds, parts: { growth: report } })),
  replicas: (where: Where) =>
    Effect.map(Replicas.run(where), ({ report, rounds }) => ({ rounds, parts: { replicas: report } }))
} as const

type Workload = keyof typeof workloads
// The keys of a literal are its type's.
const names = Object.keys(workloads) as ReadonlyArray<Workload>

/** What runs where nothing else is said: the others take long, or more than two cores. */
const usual: ReadonlyArray<Workload> = ["A", "B", "C", "D", "M", "F"]

const Wanted = Schema.Array(Schema.Literals(names))

const run = Effect.fnUntraced(function* (wanted: ReadonlyArray<Workload>, sizes: Where["sizes"]) {
  const { makeTempDirectoryScoped } = yield* FileSystem.FileSystem
  const compiled = Redacted.make(yield* makeTempDirectoryScoped({ prefix: "fibric-bench-" }))
  return yield* Effect.gen(function* () {
    const server = yield* Server.make
    const seen: Array<Results.Part> = []
    for (const name of wanted) seen.push(yield* workloads[name]({ server, sizes }))
    const versions = { node: process.version, postgres: server.version }
    return { report: Results.together(seen), versions }
  }).pipe(Effect.provideService(Subject.Compiled, compiled))
}, Effect.scoped)

const bench = Command.make(
  "bench",
  {
    only: Flag.String("only").pipe(
      Flag.withDescription(`Workloads to run, with commas between: ${names.join(",")}`),
      Flag.withDefault(usual.join(","))
    ),
    rounds: Harness.whole("rounds", `How many rounds are to be kept (default: ${full.rounds})`, {
      most: 100
    }).pipe(Flag.withDefault(full.rounds)),
    scale: Flag.Finite("scale").pipe(
      Flag.withDescription("A share of the full sizes, for a machine that has little time (default: 1)"),
      Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 1 }))),
      Flag.withDefault(1)
    ),
    quick: Flag.Boolean("quick").pipe(
      Flag.withDescription("One small round of each, to see that the harness is whole"),
      Flag.withDefault(false)
    ),
    json: Harness.json,
    save: Flag.Boolean("save").pipe(
      Flag.withDescription("Keep the numbers in bench/results.json, beside those of other workloads"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ json, only, quick: isQuick, rounds, save, scale }) {
    const wanted = yield* Schema.decodeUnknownEffect(Wanted)(only.split(",").map((name) => name.trim()))
    const { report, versions } = yield* run(wanted, isQuick ? quick : { ...scaled(full, scale), rounds })
    if (save) yield* Results.save(report, versions, isQuick ? 0 : scale)
    yield* Console.log(json ? JSON.stringify(report) : Results.table(report))
  })
).pipe(Command.withDescription("Measures fibric beside what can be written by hand"))

Harness.run(bench)
