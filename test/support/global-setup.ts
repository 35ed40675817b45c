/**
 * One Postgres server for a whole test run: `DATABASE_URL`, or an embedded one on a socket of its own.
 * Each test file makes a database of its own in it, so that two runs never meet.
 */
import { Effect, Exit, Layer, Redacted, Scope } from "effect"
import type { TestProject } from "vitest/node"
import { databaseUrl, layerClient } from "../../src/host/embedded.ts"

declare module "vitest" {
  export interface ProvidedContext {
    readonly databaseUrl: string
  }
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const scope = Scope.makeUnsafe()
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  // The runner ends at once on a signal and calls no teardown; the server must not outlive it.
  const onSignal = (signal: NodeJS.Signals) => {
    for (const other of signals) process.removeListener(other, onSignal)
    void close().finally(() => process.kill(process.pid, signal))
  }
  for (const signal of signals) process.prependListener(signal, onSignal)
  const url = await Effect.runPromise(
    Effect.tap(Scope.provide(databaseUrl(), scope), (url) => Effect.scoped(Layer.build(layerClient(url))))
  )
  project.provide("databaseUrl", Redacted.value(url))
  return async () => {
    for (const signal of signals) process.removeListener(signal, onSignal)
    await close()
  }
}
