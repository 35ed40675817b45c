/**
 * One Postgres server for a whole test run: `DATABASE_URL`, or an embedded one on a socket of its own.
 * Each test file makes a database of its own in it, so that two runs never meet.
 */
import { Effect, Exit, Layer, Option, Redacted, Scope } from "effect"
import type { TestProject } from "vitest/node"
import { database, layerClient } from "../../src/host/embedded.ts"

declare module "vitest" {
  export interface ProvidedContext {
    readonly databaseUrl: string
  }
}

/** Ends the server within this very call; for a run that is cut off. The next run clears its folder away. */
const endNow = (pid: number): void => {
  try {
    process.kill(pid, "SIGQUIT")
  } catch {
    // It has ended already.
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const scope = Scope.makeUnsafe()
  const { server, url } = await Effect.runPromise(Scope.provide(database(), scope))
  // On a signal the runner exits at once and calls no teardown; the server must not outlive it.
  const onExit = () => Option.map(server, ({ pid }) => endNow(pid))
  process.once("exit", onExit)
  await Effect.runPromise(Effect.scoped(Layer.build(layerClient(url))))
  project.provide("databaseUrl", Redacted.value(url))
  return async () => {
    process.removeListener("exit", onExit)
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
