/**
 * The demo as a newcomer runs it: a process of its own, on real parts. It must hold every number that it
 * shows, and leave nothing behind.
 */
import { execFile } from "node:child_process"
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const demo = fileURLToPath(new URL("../../demo/main.ts", import.meta.url))

/**
 * A folder for everything temporary of the run. Its name is in the environment or the arguments of every
 * process that the run starts. Open to the user that Postgres runs as, if we are root.
 */
const temporary = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = await mkdtemp(join(tmpdir(), "demo-"))
    await chmod(folder, 0o755)
    return folder
  }),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

interface Ended {
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

const run = (file: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv) =>
  Effect.callback<Ended>((resume, signal) => {
    execFile(file, args, { env, signal, maxBuffer: 16 * 1_024 * 1_024 }, (error, stdout, stderr) =>
      resume(Effect.succeed({ code: error === null ? 0 : (error.code ?? "signal"), stdout, stderr }))
    )
  })

/** The processes that have the text in their arguments or their environment. */
const processesWith = Effect.fnUntraced(function* (text: string) {
  const { stdout } = yield* run("ps", ["axeww", "-o", "pid=,command="], { PATH: "/usr/bin:/bin" })
  return stdout.split("\n").filter((line) => line.includes(text))
})

describe("the demo", () => {
  it.live(
    "turns 657 requests into one e-mail and 657 receipts, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporary
        // DATABASE_URL, where it is set, goes along with the rest of the environment.
        const env = { ...process.env, TMPDIR: folder }
        const ended = yield* run(process.execPath, ["--conditions=fibric-source", demo, "--json"], env)
        assert.deepStrictEqual([ended.code, ended.stdout.trimEnd().split("\n").length], [0, 1], ended.stderr)

        assert.deepStrictEqual(JSON.parse(ended.stdout), {
          naive: { requests: 657, mails: 657 },
          fibric: { requests: 657, mails: 1, performed: 1, repeats: 656, receipts: 657 },
          swallowed: { requests: 36, mails: 1, performed: 0, inDoubt: 1 },
          crash: { mails: 1, inDoubt: 1, resolved: 1 }
        })
        assert.deepStrictEqual(yield* processesWith(folder), [])
        // Root's copy of the Postgres programs is meant to stay for the next run.
        const left = yield* Effect.promise(() => readdir(folder))
        assert.deepStrictEqual(
          left.filter((name) => !name.startsWith("fibric-postgres-")),
          []
        )
      }),
    120_000
  )
})
