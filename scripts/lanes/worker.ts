/**
 * worker: a process that runs fibric over `DATABASE_URL` and asks for changes as it is told by line. It
 * prints `ready`, then one line for each command; what they say stands in `Command.ts`. It ends when its
 * stdin closes.
 *
 * Usage: worker.ts <name> <the world's port> <bounds as JSON>
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { PgClient } from "@effect/sql-pg"
import { Clock, Config, Effect, Layer, Logger, Schema, Stream } from "effect"
import { Operator, Settings } from "fibric"
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import * as Runtime from "../../src/kernel/Runtime.ts"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgReceiptLog from "../../src/postgres/PgReceiptLog.ts"
import * as Changes from "./changes.ts"
import { Bounds, Command, type Said } from "./Command.ts"
import * as CountedLedger from "./CountedLedger.ts"
import * as OutsideWorld from "./OutsideWorld.ts"
import * as Storm from "./storm.ts"

const Arguments = Schema.Tuple([Schema.NonEmptyString, Schema.FiniteFromString, Bounds])

/** Carries a command out. */
const carryOut = Effect.fnUntraced(function* (
  command: Exclude<Command, { readonly _tag: "Storm" }>,
  name: string,
  ask: (wish: Changes.Wish) => ReturnType<ReturnType<typeof Changes.make>["ask"]>
) {
  let performed = 0
  const failed: Record<string, number> = {}
  const asked = (wish: Changes.Wish) =>
    Effect.match(ask(wish), {
      onSuccess: () => void (performed += 1),
      onFailure: ({ _tag }) => void (failed[_tag] = (failed[_tag] ?? 0) + 1)
    })
  if (command._tag === "Ask") {
    yield* asked(command)
    return { performed, failed }
  }
  const { atOnce, capabilities, entities, holdMillis, seconds } = command
  const startedNanos = yield* Clock.monotonicTimeNanos
  const isOver = Effect.map(
    Clock.monotonicTimeNanos,
    (now) => elapsedMillis(startedNanos, now) > seconds * 1_000
  )
  const loop = Effect.fnUntraced(function* (entity: string, slot: number) {
    for (let round = 0; !(yield* isOver); round++) {
      const capability = capabilities[(slot + round) % capabilities.length] ?? capabilities[0]
      yield* asked({ capability, entity, occasion: `${name}-${entity}-${slot}-${round}`, holdMillis })
    }
  })
  const loops = entities.flatMap((entity) => Array.from({ length: atOnce }, (_, slot) => loop(entity, slot)))
  yield* Effect.all(loops, { concurrency: "unbounded" })
  return { performed, failed }
})

const layerDatabase = Layer.unwrap(
  Effect.map(Config.Redacted("DATABASE_URL"), (url) => PgClient.layer({ url, maxConnections: 2 }))
)

const program = Effect.gen(function* () {
  const [name, port, bounds] = yield* Schema.decodeUnknownEffect(Arguments)(process.argv.slice(2))
  const world = OutsideWorld.at(port)
  const { ask, layer } = Changes.make(world, name)
  const counts: CountedLedger.Counts = { events: {}, statements: {} }
  const layerKernel = Runtime.layer.pipe(
    Layer.provideMerge(CountedLedger.layer(counts)),
    Layer.provide(PgReceiptLog.layer),
    Layer.provide(LedgerClient.layer),
    Layer.provide(layerDatabase),
    Layer.provide(Settings.layer(bounds))
  )
  const commands = Stream.fromAsyncIterable(createInterface({ input: process.stdin }), String)
  yield* Effect.sync(() => writeSync(1, "ready\n")).pipe(
    Effect.andThen(
      Stream.runForEach(
        Stream.mapEffect(
          commands,
          Effect.fnUntraced(function* (line) {
            const command = yield* Schema.decodeEffect(Command)(line)
            return command._tag === "Storm"
              ? yield* Storm.make(command, name, world)
              : yield* carryOut(command, name, ask)
          }),
          { concurrency: "unbounded" }
        ),
        (done) =>
          Effect.sync(() => writeSync(1, `${JSON.stringify({ ...done, ...counts } satisfies Said)}\n`))
      )
    ),
    Operator.as(name),
    Effect.provide(Layer.provideMerge(layer, layerKernel))
  )
})

// Receipts are log events too: thousands of them, here counted instead.
NodeRuntime.runMain(Effect.provide(program, Logger.layer([])))
