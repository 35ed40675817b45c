/**
 * Child: another process of a harness, talked to by line, and stopped or killed on purpose. It is killed
 * with the scope at the latest, and its end is seen.
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Effect, Redacted, type Scope } from "effect"

/** How a process ended: by a signal, or with a code. */
export interface End {
  readonly signal: NodeJS.Signals | null
  readonly code: number | null
}

export interface Child {
  /** Sends it a line. */
  readonly say: (line: string) => Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** The next line that it prints; `undefined` once it has closed its stdout. */
  readonly nextLine: Effect.Effect<string | undefined>
  /** No more lines: it ends by itself. Returns when it has. */
  readonly dismiss: Effect.Effect<void>
  /** How it ended, once it has. */
  readonly end: Effect.Effect<End>
}

/** Starts one of the harness's programs. A process that can't be started is a defect. */
export const start = Effect.fnUntraced(function* (
  program: URL,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, Redacted.Redacted<string>>> = {}
): Effect.fn.Return<Child, never, Scope.Scope> {
  const script = fileURLToPath(program)
  const { child, ended } = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, ["--conditions=fibric-source", script, ...args], {
        env: { ...process.env, ...unveiled(env) },
        stdio: ["pipe", "pipe", "inherit"],
        // In a group of its own: a Ctrl-C is for the harness, which then ends the others.
        detached: true
      })
      // Who has ended hears nothing any more: that is seen by its end.
      child.stdin.on("error", () => undefined)
      const ended = new Promise<End>((resolve, reject) => {
        child.once("exit", (code, signal) => resolve({ code, signal }))
        child.once("error", reject)
      })
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
    say: (line) => Effect.sync(() => void child.stdin.write(`${line}\n`)),
    signal: (signal) => Effect.sync(() => void child.kill(signal)),
    nextLine: Effect.promise(async () => {
      const line = await lines.next()
      return line.done === true ? undefined : line.value
    }),
    dismiss: Effect.promise(async () => {
      child.stdin.end()
      await ended
    }),
    end: Effect.promise(() => ended)
  }
})

const unveiled = (env: Readonly<Record<string, Redacted.Redacted<string>>>) =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, Redacted.value(value)]))
