/**
 * fibric beside its peers, on the same work in the same run: `npm run bench:peers`, with
 * `-- --only dbos,restate --workloads A,crash --rounds 3 --json`.
 *
 * Each round gives every peer its turn, one after the other, so that the machine's moods meet all of them;
 * what is reported are medians. The crash trials come first, and are not timed. Numbers are only comparable
 * inside a run. What is measured, with which settings, and what a peer can't do: `README.md` here.
 *
 *     install ─▶ Postgres ─▶ crash trials ─▶ round: fibric, naive, dbos, … ─▶ round … ─▶ medians
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Logger, Schema } from "effect"
import { Command, Flag } from "effect/cli"
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

interface Plan {
  readonly subjects: ReadonlyArray<Peer>
  readonly workloads: ReadonlyArray<Name>
  readonly crashes: boolean
  readonly rounds: number
}

const run = Effect.fnUntraced(function* ({ crashes, rounds, subjects, workloads }: Plan) {
  const place = yield* Place.make
  const ends = new Map<Peer, Crash>()
  if (crashes) {
    for (const peer of subjects) {
      const end = yield* Effect.scoped(
        Effect.flatMap(place.ground(peer, "crash"), (ground) => crash(peer, ground))
      )
      ends.set(peer, end)
      yield* Console.error(`${peer.name}: killed between effect and record: ${end.effects} (${end.says})`)
    }
  }
  const turns = new Map<Peer, Array<Turn>>(subjects.map((peer) => [peer, []]))
  for (let round = 1; round <= (workloads.length === 0 ? 0 : rounds); round++) {
    for (const peer of subjects) {
      const taken = yield* Effect.scoped(
        Effect.flatMap(place.ground(peer, `round_${round}`), (ground) =>
          turn(peer, ground, round, workloads, turns.get(peer)?.at(0)?.size)
        )
      )
      turns.get(peer)?.push(taken)
      yield* Console.error(`round ${round} of ${rounds}, ${peer.name}: ${JSON.stringify(taken)}`)
    }
  }
  return subjects.map((peer) => row({ peer, turns: turns.get(peer) ?? [], crash: ends.get(peer) }))
}, Effect.scoped)

const list = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.withDefault(""))

const command = Command.make(
  "bench:peers",
  {
    only: list("only", `Which peers, by name: ${peers.map(({ name }) => name).join(",")}`),
    workloads: list("workloads", `What they do: ${names.join(",")},crash`),
    rounds: Flag.Int("rounds").pipe(
      Flag.withDescription("How often each peer has its turn"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
      Flag.withDefault(3)
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print what was measured as one line of JSON"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ json, only, rounds, workloads }) {
    const subjects = yield* chosen(only, peers, ({ name }) => name)
    const wanted = yield* chosen(workloads, [...names, "crash"] as const, (name) => name)
    yield* Packages.install
    const rows = yield* run({
      subjects,
      rounds,
      crashes: wanted.includes("crash"),
      workloads: names.filter((name) => wanted.includes(name))
    })
    yield* Console.log(json ? JSON.stringify({ peers: rows }) : draw(rows))
  })
).pipe(Command.withDescription("Measures fibric and its peers on the same work"))

/** Whatever went wrong, in one sentence. Somebody who interrupts knows why it ended. */
const tell = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  return Console.error(error instanceof Error ? error.message : String(error))
}

Command.run(command, { version: "0.1.0" }).pipe(
  Effect.tapCause(tell),
  Effect.provide([NodeServices.layer, Logger.layer([])]),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
