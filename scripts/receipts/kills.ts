/**
 * kills: processes that ask for one key without end and are killed with SIGKILL in the middle of it, while
 * what they leave is sealed and folded. Nobody may be answered whose request is not counted, and nothing
 * counted that was not asked.
 */
import { Clock, Deferred, Effect, Exit } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Redacted } from "effect"
import { Seals } from "../../src/kernel/Seals.ts"
import { elapsedMillis } from "../../src/kernel/Stopwatch.ts"
import { action } from "./action.ts"
import { layerSeals, rowsOf, sealAll } from "./Rows.ts"
import type { Seen, Where } from "./main.ts"

const entity = "killed"

/** How many requests a process has under way, and how many processes there are at once. */
const atOnce = 64
const processes = 2

/** What was said on the pipes of all processes. */
interface Said {
  a: number
  b: number
  c: number
}

const program = fileURLToPath(new URL("asker.ts", import.meta.url))

/** Starts a process, lets it be answered so often, and kills it. */
const killed = (said: Said, answers: number, where: Where) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, ["--conditions=fibric-source", program, entity, String(atOnce)], {
        env: {
          ...process.env,
          DATABASE_URL: Redacted.value(where.database.url),
          NODE_COMPILE_CACHE: Redacted.value(where.compiled)
        },
        stdio: ["ignore", "pipe", "inherit"],
        detached: true
      })
      const reached = Deferred.makeUnsafe<void>()
      const closed = Deferred.makeUnsafe<void>()
      let own = 0
      child.stdout.on("data", (bytes: Buffer) => {
        for (const byte of bytes) {
          const character = String.fromCharCode(byte)
          if (character === "a" || character === "b" || character === "c") said[character] += 1
          if (character === "b" && (own += 1) === answers) Deferred.doneUnsafe(reached, Exit.void)
        }
      })
      // Everything that was in the pipe has been read.
      child.once("close", () => Deferred.doneUnsafe(closed, Exit.void))
      return { child, reached, closed }
    }),
    ({ closed, reached }) => Effect.raceFirst(Deferred.await(reached), Deferred.await(closed)),
    ({ child, closed }) =>
      Effect.andThen(
        Effect.sync(() => void child.kill("SIGKILL")),
        Deferred.await(closed)
      )
  )

export const run = Effect.fnUntraced(function* (size: number, kills: number, where: Where) {
  const { sql, url } = where.database
  const said: Said = { a: 0, b: 0, c: 0 }
  const startedNanos = yield* Clock.monotonicTimeNanos
  const { folded, verification } = yield* Effect.provide(
    Effect.gen(function* () {
      let folded = 0
      const share = Math.ceil(size / kills)
      yield* Effect.forEach(
        Array.from({ length: kills }),
        () =>
          Effect.gen(function* () {
            yield* killed(said, share, where)
            folded += (yield* sealAll).folded
          }),
        { concurrency: processes, discard: true }
      )
      folded += (yield* sealAll).folded
      return { folded, verification: yield* (yield* Seals).verify() }
    }),
    layerSeals(url)
  )
  const { requests, rows } = yield* rowsOf(sql, action(entity).key.label)
  const millis = elapsedMillis(startedNanos, yield* Clock.monotonicTimeNanos)
  const report = {
    kills,
    effects: said.c,
    answered: said.b,
    counted: requests,
    asked: said.a,
    rows,
    folded,
    seconds: Math.round(millis / 100) / 10,
    findings: verification.findings.length
  }
  const surprises = [
    ...(said.c === 1 ? [] : [`${said.c} effects`]),
    ...(said.b >= size ? [] : [`only ${said.b} of ${size} were answered`]),
    ...(said.b <= requests ? [] : [`${said.b} were answered and ${requests} counted`]),
    ...(requests <= said.a ? [] : [`${requests} are counted and ${said.a} were asked`]),
    ...(folded > 0 ? [] : ["nothing was folded"]),
    ...(verification.findings.length === 0 ? [] : ["the seals do not verify"])
  ]
  return { report, surprises } satisfies Seen
})
