/**
 * fibric beside its peers, on the same work in the same run: `npm run bench:peers`, with
 * `-- --only dbos,restate --workloads A,crash --rounds 3 --json`.
 *
 * Each round gives every peer its turn, one after the other, so that the machine's moods meet all of them;
 * what is reported are medians. It ends with 1 if a turn failed, or was not what it had to be. The crash trials come first, and are not timed. Numbers are only comparable
 * inside a run. What is measured, with which settings, and what a peer can't do: `README.md` here.
 *
 *     install ─▶ Postgres ─▶ crash trials ─▶ round: fibric, naive, dbos, … ─▶ round … ─▶ medians
 */
import { Console, Effect, FileSystem, Schema, type Scope } from "effect"
import { Command, Flag } from "effect/cli"
import { fileURLToPath } from "node:url"
import * as Harness from "../../scripts/harness/command.ts"
import * as Packages from "./packages.ts"
import { type Peer, peers } from "./peers.ts"
import * as Place from "./Place.ts"
import { draw, row } from "./report.ts"
import { type Crash, crash } from "./trial.ts"
import { type Name, names, type Turn, turn } from "./workloads.ts"

/** A name that nobody has. */
class Unheard extends Schema.TaggedError<Unheard>()("Unheard", {
  name: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message() {
    return `There is no ${this.name}. There are ${this.known.join(", ")}.`
  }
}

/** The named ones of what there is, or all of it. */
const chosen = Effect.fnUntraced(function* <A>(
  list: string,
  all: ReadonlyArray<A>,
  nameOf: (one: A) => string
) {
  const wanted = list.split(",").filter((name) => name !== "")
  const known = all.map(nameOf)
  for (const name of wanted) {
    if (!known.includes(name)) return yield* new Unheard({ name, known })
  }
  return wanted.length === 0 ? all : all.filter((one) => wanted.includes(nameOf(one)))
})

/** Some of it failed; the rest was measured, and reported. */
class Incomplete extends Schema.TaggedError<Incomplete>()("Incomplete", {
  failures: Schema.Array(Schema.String)
}) {
  override get message() {
    return `Not all of it could be measured:\n  ${this.failures.join("\n  ")}`
  }
}

interface Plan {
  readonly subjects: ReadonlyArray<Peer>
  readonly workloads: ReadonlyArray<Name>
  readonly crashes: boolean
  readonly rounds: number
}

/** What a peer did, told as it comes; nothing where it failed, which is kept for the end. */
const attempt = <A, E extends { readonly message: string }, R>(
  failures: Array<string>,
  body: Effect.Effect<A, E, R>,
  told: (value: A) => string
): Effect.Effect<A | undefined, never, Exclude<R, Scope.Scope>> =>
  Effect.scoped(body).pipe(
    Effect.tap((value) => Console.error(told(value))),
    Effect.catch(({ message }) => {
      failures.push(message)
      return Effect.as(Console.error(message), undefined)
    })
  )

const run = Effect.fnUntraced(function* ({ crashes, rounds, subjects, workloads }: Plan) {
  const place = yield* Place.make
  const failures: Array<string> = []
  const ends = new Map<Peer, Crash | undefined>()
  for (const peer of crashes ? subjects : []) {
    const trial = Effect.flatMap(place.ground(peer, "crash"), (ground) => crash(peer, ground))
    const told = ({ effects, says }: Crash) =>
      `${peer.name}: killed between effect and record: ${effects} (${says})`
    ends.set(peer, yield* attempt(failures, trial, told))
  }
  const turns = new Map<Peer, Array<Turn>>(subjects.map((peer) => [peer, []]))
  for (let round = 1; round <= (workloads.length === 0 ? 0 : rounds); round++) {
    for (const peer of subjects) {
      const before = turns.get(peer) ?? []
      const taking = Effect.flatMap(place.ground(peer, `round_${round}`), (ground) =>
        turn(peer, ground, round, workloads, before.at(0)?.size)
      )
      const told = (taken: Turn) => `round ${round} of ${rounds}, ${peer.name}: ${JSON.stringify(taken)}`
      const taken = yield* attempt(failures, taking, told)
      if (taken !== undefined) before.push(taken)
    }
  }
  const rows = subjects.map((peer) => row({ peer, turns: turns.get(peer) ?? [], crash: ends.get(peer) }))
  return { rows, failures }
}, Effect.scoped)

/** What `npm run bench:report` reads. */
const results = fileURLToPath(new URL("results.json", import.meta.url))

const list = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.withDefault(""))

const command = Command.make(
  "bench:peers",
  {
    only: list("only", `Which peers, by name: ${peers.map(({ name }) => name).join(",")}`),
    workloads: list("workloads", `What they do: ${names.join(",")},crash`),
    rounds: Harness.whole("rounds", "How often each peer has its turn", { most: 100 }).pipe(
      Flag.withDefault(3)
    ),
    save: Flag.Boolean("save").pipe(
      Flag.withDescription("Keep what was measured in results.json, for docs/performance.md"),
      Flag.withDefault(false)
    ),
    json: Harness.json
  },
  Effect.fn(function* ({ json, only, rounds, save, workloads }) {
    const subjects = yield* chosen(only, peers, ({ name }) => name)
    const wanted = yield* chosen(workloads, [...names, "crash"] as const, (name) => name)
    yield* Packages.install
    const { failures, rows } = yield* run({
      subjects,
      rounds,
      crashes: wanted.includes("crash"),
      workloads: names.filter((name) => wanted.includes(name))
    })
    yield* Console.log(json ? JSON.stringify({ peers: rows }) : draw(rows))
    if (save) {
      const { writeFileString } = yield* FileSystem.FileSystem
      yield* writeFileString(results, `${JSON.stringify({ peers: rows }, null, 2)}\n`)
    }
    if (failures.length > 0) return yield* new Incomplete({ failures })
  })
).pipe(Command.withDescription("Measures fibric and its peers on the same work"))

Harness.run(command)
