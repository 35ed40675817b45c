/**
 * worker: a second process that asks for the same. It does the jobs that arrive on its stdin, one line of
 * JSON each, and answers each with a line on its stdout.
 *
 * Run as `node demo/parts/worker.ts` with `DATABASE_URL`. It ends when its stdin closes, so it can't
 * outlive its parent.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import { Console, Effect, Layer, Logger, Result, Schema, Stdio, Stream } from "effect"
import * as FibricEmbedded from "fibric/embedded"
import { carryOut, Job } from "./asking.ts"
import { Reply } from "./worker-protocol.ts"

const decodeJob = Schema.decodeEffect(Schema.fromJsonString(Job))
const encodeReply = Schema.encodeEffect(Schema.fromJsonString(Reply))

const client = Layer.unwrap(
  Effect.map(FibricEmbedded.database(), ({ url }) => FibricEmbedded.layerClient(url))
)

const reply = Effect.fnUntraced(function* (line: string) {
  const job = yield* decodeJob(line)
  const done = yield* Effect.result(Effect.provide(carryOut(job), client))
  const said = Result.match(done, {
    onSuccess: (answers) => Reply.cases.Done.make({ answers }),
    onFailure: ({ message }) => Reply.cases.Failed.make({ sentence: message })
  })
  yield* Console.log(yield* encodeReply(said))
})

const work = Effect.scoped(
  Effect.gen(function* () {
    const { stdin } = yield* Stdio.Stdio
    // Each job in a fiber of its own: the end of the input is seen, and ends them, whatever they wait for.
    yield* stdin.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.runForEach((line) => Effect.forkScoped(reply(line)))
    )
  })
)

work.pipe(
  Effect.provide([NodeStdio.layer, Logger.layer([])]),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
