/**
 * One Postgres server for a whole test run: `DATABASE_URL`, or an embedded one on a socket of its own.
 * Each test file makes a database of its own in it, so that two runs never meet.
 */
import { Config, Effect, Exit, Layer, Option, Redacted, Scope } from "effect"
import type { TestProject } from "vitest/node"
import { layerClient } from "../../src/host/embedded.ts"
import * as EmbeddedPostgres from "../../src/host/EmbeddedPostgres.ts"

declare module "vitest" {
  export interface ProvidedContext {
    readonly databaseUrl: string
  }
}

interface Server {
  readonly url: Redacted.Redacted<string>
  /** Ends it within this very call; for a run that is cut off. The next run clears its folder away. */
  readonly endNow: () => void
}

const server: Effect.Effect<Server, unknown, Scope.Scope> = Effect.gen(function* () {
  const given = yield* Config.option(Config.Redacted("DATABASE_URL"))
  if (Option.isSome(given)) return { url: given.value, endNow: () => {} }
  const { pid, url } = yield* EmbeddedPostgres.make()
  const endNow = () => {
    try {
      process.kill(pid, "SIGQUIT")
    } catch {
      // It has ended already.
    }
  }
  return { url, endNow }
})

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const scope = Scope.makeUnsafe()
  const { endNow, url } = await Effect.runPromise(Scope.provide(server, scope))
  // On a signal the runner exits at once and calls no teardown; the server must not outlive it.
  process.once("exit", endNow)
  await Effect.runPromise(Effect.scoped(Layer.build(layerClient(url))))
  project.provide("databaseUrl", Redacted.value(url))
  return async () => {
    process.removeListener("exit", endNow)
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
