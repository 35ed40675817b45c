/**
 * WorkerProcess: the other process, seen from this one. It can be given jobs, and it can be killed.
 *
 * It owns nothing: what it had under way when it died is known to the ledger.
 */
import { fileURLToPath } from "node:url"
import { Effect, type PlatformError, Queue, type Redacted, Schema, type Scope, Stream } from "effect"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import { type Answer, Job } from "./asking.ts"
import { Reply } from "./worker-protocol.ts"

/** The worker could not do its job, or ended before it had answered. */
export class WorkerFailed extends Schema.TaggedError<WorkerFailed>()("WorkerFailed", {
  sentence: Schema.String
}) {
  override get message() {
    return `The worker process: ${this.sentence}`
  }
}

export interface WorkerProcess {
  /** Does the job there. One at a time. When it returns, every request of it has landed. */
  readonly carryOut: (job: Job) => Effect.Effect<ReadonlyArray<Answer>, WorkerFailed>
  /** SIGKILL: no finalizer runs, nothing is written any more. Returns when the process is gone. */
  readonly kill: Effect.Effect<void>
}

const encodeJob = Schema.encodeEffect(Schema.fromJsonString(Job))
const decodeReply = Schema.decodeEffect(Schema.fromJsonString(Reply))

/** Starts the process. It takes jobs from the first moment, and does them when it is up. */
export const make = Effect.fnUntraced(function* (
  databaseUrl: Redacted.Redacted<string>
): Effect.fn.Return<
  WorkerProcess,
  PlatformError.PlatformError,
  Scope.Scope | ChildProcessSpawner.ChildProcessSpawner
> {
  const jobs = yield* Queue.unbounded<string>()
  const child = yield* ChildProcess.make(process.execPath, [...conditions(), script], {
    env: { DATABASE_URL: databaseUrl },
    extendEnv: true,
    stdin: Stream.fromQueue(jobs).pipe(Stream.encodeText),
    stderr: "inherit",
    // It has nothing to put in order: whatever it leaves open, the ledger calls doubtful.
    killSignal: "SIGKILL"
  })
  const replies = yield* child.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.toQueue({ capacity: 16 })
  )
  const failed = (sentence: string) => new WorkerFailed({ sentence })
  const carryOut = Effect.fnUntraced(
    function* (job: Job) {
      yield* Queue.offer(jobs, `${yield* encodeJob(job)}\n`)
      const reply = yield* decodeReply(yield* Queue.take(replies))
      return reply._tag === "Done" ? reply.answers : yield* failed(reply.sentence)
    },
    Effect.catchTags({
      Done: () => failed("it ended before it had answered."),
      PlatformError: (error) => failed(error.message),
      SchemaError: (error) => failed(`it was not understood: ${error.message}`)
    })
  )
  return { carryOut, kill: Effect.orDie(child.kill({ killSignal: "SIGKILL" })) }
})

const script = fileURLToPath(new URL("./worker.ts", import.meta.url))

// Node's flags and conditions go along, a test runner's own (loaders, inspectors) stay.
const conditions = () => process.execArgv.filter((flag) => /^--conditions=|^-C/.test(flag))
