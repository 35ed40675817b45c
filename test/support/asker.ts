/**
 * Starts processes that ask, and talks to them by line.
 */
import { Effect, Redacted, Stream } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const script = fileURLToPath(new URL("../postgres/fixtures/asker.ts", import.meta.url))

/** A process over the given database; it is ready when this returns, and killed with the scope. */
export const startAsker = Effect.fnUntraced(function* (
  url: Redacted.Redacted<string>,
  ...args: ReadonlyArray<string>
) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--conditions=fibric-source", script, ...args], {
        env: { ...process.env, DATABASE_URL: Redacted.value(url) },
        stdio: ["pipe", "pipe", "inherit"]
      })
    ),
    (child) =>
      Effect.promise(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const ended = new Promise((resolve) => child.once("exit", resolve))
        child.kill("SIGKILL")
        await ended
      })
  )
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const nextLine = Effect.promise(async () => {
    const line = await lines.next()
    if (line.done === true) throw new Error("the asker ended without a word")
    return line.value
  })
  yield* nextLine
  return {
    /** Lets it ask. */
    go: Effect.sync(() => void child.stdin.write("go\n")),
    /** What it was answered: a receipt's id, or an error's tag, for each request in order. */
    answers: Effect.map(nextLine, (line): ReadonlyArray<string> => JSON.parse(line)),
    /** SIGKILL: no finalizer runs, nothing is said. */
    kill: Effect.promise(() => {
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
      child.kill("SIGKILL")
      return ended
    })
  }
})

/** Repeats a look until it finds something; for what happens in another process. */
export const eventually = <A, E, R>(look: Effect.Effect<A | undefined, E, R>): Effect.Effect<A, E, R> =>
  Stream.fromEffectRepeat(look).pipe(
    Stream.filter((found) => found !== undefined),
    Stream.runHead,
    Effect.flatMap((found) => (found._tag === "Some" ? Effect.succeed(found.value) : Effect.never))
  )
