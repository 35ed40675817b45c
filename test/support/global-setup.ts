/**
 * One Postgres server for a whole test run: `DATABASE_URL`, or an embedded one on a socket of its own.
 * Each test file makes a database of its own in it, so that two runs never meet.
 */
import { Effect, Exit, Redacted, Scope } from "effect"
import type { TestProject } from "vitest/node"
import { databaseUrl } from "../../src/host/embedded.ts"

declare module "vitest" {
  export interface ProvidedContext {
    readonly databaseUrl: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const scope = Scope.makeUnsafe()
  const url = await Effect.runPromise(Scope.provide(databaseUrl(), scope))
  project.provide("databaseUrl", Redacted.value(url))
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}
