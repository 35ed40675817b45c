/**
 * Child: another process of the harness, talked to by line, and stopped or killed on purpose. It is killed
 * with the scope at the latest.
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Effect, Redacted, type Scope } from "effect"

export interface Child {
  /** The next line that it prints; `undefined` once it has closed its stdout. */
  readonly nextLine: Effect.Effect<string | undefined>
  /** Writes a line to its stdin. */
  readonly say: (line: string) => Effect.Effect<void>
  /** No more lines: it ends by itself. Returns when it has. */
  readonly dismiss: Effect.Effect<void>
  readonly signal: (signal: "SIGSTOP" | "SIGCONT" | "SIGKILL") => Effect.Effect<void>
}

/** Starts one of the harness's programs. A process that can't be started is a defect. */
export const start = Effect.fnUntraced(function* (
  program: "world.ts" | "worker.ts",
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, Redacted.Redacted<string>>> = {}
): Effect.fn.Return<Child, never, Scope.Scope> {
  const script = fileURLToPath(new URL(`./${program}`, import.meta.url))
  const { child, ended } = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, ["--conditions=fibric-source", script, ...args], {
        env: { ...process.env, ...unveiled(env) },
        stdio: ["pipe", "pipe", "inherit"],
        // In a group of its own: a Ctrl-C is for the harness, which then ends the others.
        detached: true
      })
      const ended = new Promise<void>((resolve, reject) => {
        child.once("exit", () => resolve())
        child.once("error", reject)
      })
      // Who is gone hears nothing any more; that it is gone is seen by its lines.
      child.stdin.on("error", () => {})
      return { child, ended }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return ended
      })
  )
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    nextLine: Effect.promise(async () => {
      const line = await lines.next()
      return line.done === true ? undefined : line.value
    }),
    say: (line) => Effect.sync(() => void child.stdin.write(`${line}\n`)),
    dismiss: Effect.promise(() => {
      child.stdin.end()
      return ended
    }),
    signal: (signal) => Effect.sync(() => void child.kill(signal))
  }
})

const unveiled = (env: Readonly<Record<string, Redacted.Redacted<string>>>) =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, Redacted.value(value)]))
