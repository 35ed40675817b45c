/**
 * One Postgres server for a whole test run: `DATABASE_URL`, or an embedded one on a socket of its own.
 * `FIBRIC_TEST_SERVER=thrown-away` says that the server at `DATABASE_URL` ends with the run, too.
 * Each test makes a database of its own in it, so that two runs never meet; most of them as a copy of one
 * that has been brought up to date here.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Exit, Layer, Option, Redacted, Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { randomUUID } from "node:crypto"
import type { TestProject } from "vitest/node"
import { database, layerClient } from "../../src/host/embedded.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"

declare module "vitest" {
  export interface ProvidedContext {
    readonly databaseUrl: string
    /** A database that is up to date and empty, to be copied. Nobody connects to it. */
    readonly templateDatabase: string
    /** Whether the server ends with the run, so that nothing in it has to be cleared away. */
    readonly thrownAway: boolean
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

/** Makes the database to copy, for as long as the scope lives. */
const template = Effect.fnUntraced(function* (url: Redacted.Redacted<string>, thrownAway: boolean) {
  const name = `template_${randomUUID().replaceAll("-", "")}`
  const onServer = <A, E>(use: (sql: PgClient.PgClient) => Effect.Effect<A, E>) =>
    Effect.scoped(
      Effect.flatMap(
        PgClient.make({ url, maxConnections: 1, minConnections: 0 }).pipe(Effect.provide(Reactivity.layer)),
        use
      )
    )
  yield* Effect.acquireRelease(
    onServer((sql) => sql`CREATE DATABASE ${sql(name)}`),
    () =>
      thrownAway ? Effect.void : Effect.orDie(onServer((sql) => sql`DROP DATABASE ${sql(name)} WITH (FORCE)`))
  )
  const own = Redacted.make(Object.assign(new URL(Redacted.value(url)), { pathname: `/${name}` }).toString())
  yield* Effect.scoped(Layer.build(LedgerClient.layer.pipe(Layer.provide(layerClient(own)))))
  return name
})

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const scope = Scope.makeUnsafe()
  const { server, url } = await Effect.runPromise(Scope.provide(database(), scope))
  // On a signal the runner exits at once and calls no teardown; the server must not outlive it.
  const onExit = () => Option.map(server, ({ pid }) => endNow(pid))
  process.once("exit", onExit)
  await Effect.runPromise(Effect.scoped(Layer.build(layerClient(url))))
  const thrownAway = Option.isSome(server) || process.env["FIBRIC_TEST_SERVER"] === "thrown-away"
  project.provide("thrownAway", thrownAway)
  project.provide("databaseUrl", Redacted.value(url))
  project.provide(
    "templateDatabase",
    await Effect.runPromise(Scope.provide(template(url, thrownAway), scope))
  )
  return async () => {
    process.removeListener("exit", onExit)
    // What is in it is removed at once: it need not be written out first.
    onExit()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
