/**
 * runner-process: one process of the cluster. It hosts its share of the lanes, and asks on behalf of the harness:
 * a line `{"id":…,"parcel":…,"leg":…}` on stdin is answered with a line `{"id":…,"heard":…}`, where `heard`
 * is the receipt's outcome or the error's tag. It prints `ready` first.
 *
 * Usage: runner-process.ts <name> <port> <the world's port> <"quick" or "default" timings>, with `DATABASE_URL`
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Effect, Layer, Logger, Schema } from "effect"
import { execute, Operator } from "fibric"
import * as FibricCluster from "fibric/cluster"
import { layerClient } from "fibric/embedded"
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { layerMoves, move, settings } from "./parcels.ts"
import * as World from "./World.ts"

const Arguments = Schema.Tuple([
  Schema.NonEmptyString,
  Schema.FiniteFromString,
  Schema.FiniteFromString,
  Schema.Literals(["quick", "default"])
])

const Asked = Schema.fromJsonString(
  Schema.Struct({ id: Schema.Int, parcel: Schema.String, leg: Schema.String })
)

const say = (line: string) => Effect.sync(() => void writeSync(1, `${line}\n`))

const answer = Effect.fnUntraced(function* (line: string) {
  const { id, leg, parcel } = yield* Schema.decodeEffect(Asked)(line)
  const heard = yield* execute(move(parcel, leg)).pipe(
    Effect.match({ onSuccess: ({ receipt }) => receipt.outcome, onFailure: ({ _tag }) => _tag }),
    Effect.catchDefect((defect) => Effect.succeed(`defect: ${String(defect)}`))
  )
  yield* say(JSON.stringify({ id, heard }))
})

/** Answers every line that comes in, many at once, until stdin closes. */
const answering = Effect.gen(function* () {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  yield* say("ready")
  while (true) {
    const line = yield* Effect.promise(() => lines.next())
    if (line.done === true) return
    yield* Effect.forkChild(answer(line.value))
  }
})

const program = Effect.gen(function* () {
  const [name, port, worldPort, timings] = yield* Schema.decodeUnknownEffect(Arguments)(process.argv.slice(2))
  const cluster = FibricCluster.layer({
    host: "127.0.0.1",
    port,
    timings: timings === "quick" ? FibricCluster.quick : {}
  })
  const database = Layer.unwrap(Effect.map(Config.Redacted("DATABASE_URL"), layerClient))
  yield* answering.pipe(
    Operator.as(name),
    Effect.provide(
      layerMoves(World.at(worldPort), name).pipe(
        Layer.provideMerge(cluster),
        Layer.provide(database),
        Layer.provide(settings)
      )
    )
  )
})

NodeRuntime.runMain(Effect.provide(program, Logger.layer([])))
