/**
 * The receipts harness: floods of one request, processes killed in the middle of them, and a reader beside
 * writers that commit out of order. `npm run receipts`, with `-- --json` for a program to read.
 *
 * Everything is real: Postgres, the processes, SIGKILL. It ends with 1 if something is not as it has to be.
 */
import { Console, Effect, FileSystem, Layer, Redacted, type Scope } from "effect"
import { Command, Flag } from "effect/cli"
import { layerClient } from "fibric/embedded"
import { layer as layerPostgres } from "fibric/postgres"
import * as Harness from "../harness/command.ts"
import * as Database from "../harness/Database.ts"
import * as Kills from "./kills.ts"
import * as Repeats from "./repeats.ts"
import * as Tailing from "./tailing.ts"

/** Where a story takes place. */
export interface Where {
  readonly database: Effect.Success<ReturnType<typeof Database.make>>
  readonly compiled: Redacted.Redacted<string>
}

/** What a story saw, and what of it is not as it has to be. */
export interface Seen {
  readonly report: unknown
  readonly surprises: ReadonlyArray<string>
}

interface Sizes {
  readonly repeats: number
  readonly receipts: number
  readonly kills: number
}

const stories = {
  loop: ({ repeats }: Sizes, where: Where) => Repeats.loop(repeats, where),
  flood: ({ repeats }: Sizes, where: Where) => Repeats.flood(repeats, where),
  kills: ({ kills, repeats }: Sizes, where: Where) => Kills.run(repeats, kills, where),
  tail: ({ receipts }: Sizes, where: Where) => Tailing.run(receipts, where)
} as const satisfies Record<string, (sizes: Sizes, where: Where) => Effect.Effect<Seen, unknown, Scope.Scope>>

type Story = keyof typeof stories
// The keys of a literal are its type's.
const names = Object.keys(stories) as ReadonlyArray<Story>

/** Each story has a database of its own, with an empty ledger in it, and the machine for itself. */
const tell = Effect.fnUntraced(function* (name: Story, sizes: Sizes, compiled: Redacted.Redacted<string>) {
  const database = yield* Database.make("receipts")
  yield* Effect.scoped(Layer.build(Layer.provide(layerPostgres, layerClient(database.url))))
  const seen: Seen = yield* stories[name](sizes, { database, compiled })
  return { name, ...seen }
}, Effect.scoped)

const run = Effect.fnUntraced(function* (sizes: Sizes, wanted: ReadonlyArray<Story>) {
  const { makeTempDirectoryScoped } = yield* FileSystem.FileSystem
  const compiled = Redacted.make(yield* makeTempDirectoryScoped({ prefix: "fibric-receipts-" }))
  return yield* Effect.forEach(wanted, (name) => tell(name, sizes, compiled))
}, Effect.scoped)

const size = (name: string, fallback: number, most: number, description: string) =>
  Harness.whole(name, `${description} (default: ${fallback})`, { most }).pipe(Flag.withDefault(fallback))

const receipts = Command.make(
  "receipts",
  {
    repeats: size("repeats", 100_000, 10_000_000, "How often the one key is asked for"),
    receipts: size("receipts", 1_000_000, 100_000_000, "How many receipts the writers write"),
    kills: size("kills", 20, 1_000, "How many processes are killed"),
    only: Flag.Literals("only", names).pipe(
      Flag.withDescription("A story to tell, in place of all of them; may be given several times"),
      Flag.between(0, names.length)
    ),
    json: Harness.json
  },
  Effect.fn(function* ({ json, only, ...sizes }) {
    const seen = yield* run(sizes, only.length === 0 ? names : only)
    const surprises = seen.flatMap(({ name, surprises }) =>
      surprises.map((sentence) => `${name}: ${sentence}`)
    )
    const reports = Object.fromEntries(seen.map(({ name, report }) => [name, report]))
    yield* Console.log(JSON.stringify({ ...reports, surprises }, null, json ? 0 : 2))
    if (surprises.length > 0) return yield* new Harness.Surprised({ surprises })
  })
).pipe(Command.withDescription("Floods, kills and reads, and counts the receipts"))

Harness.run(receipts)
