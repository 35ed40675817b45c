/**
 * The command line as a test types it: against a database of its own, in this process with what it
 * prints kept, or as the process that `npx fibric` starts.
 */
import { PgClient } from "@effect/sql-pg"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Effect, Fiber, Layer, Logger, Redacted } from "effect"
import { TestConsole } from "effect/testing"
import type { Connector } from "fibric"
import * as FibricPostgres from "fibric/postgres"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Cli from "../../src/host/cli.ts"
import type { Ledger } from "../../src/kernel/Ledger.ts"
import type * as Runtime from "../../src/kernel/Runtime.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import { eventually } from "../support/asker.ts"
import { ledgerDatabase } from "../support/database.ts"
import { makeWorld, type World } from "../support/orders.ts"

/** What a command line came to. */
export interface Told {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

const lines = (written: ReadonlyArray<unknown>): string => written.map((line) => `${String(line)}\n`).join("")

/**
 * Runs a command line in this process; with `undefined`, `DATABASE_URL` is not set. In a runtime of its
 * own, as a process would: it must not be given the layers that the test has built.
 */
export const typed = (
  url: Redacted.Redacted<string> | undefined,
  ...args: ReadonlyArray<string>
): Effect.Effect<Told> => {
  const told = Effect.gen(function* () {
    const ended = yield* Effect.result(Cli.run("1.2.3", args))
    return { ...(yield* printed), exitCode: ended._tag === "Success" ? 0 : ended.failure.exitCode }
  })
  return inProcess(url, told)
}

/** The same for a command line without an end: it is interrupted, as by Ctrl-C, once it has printed so many lines. */
export const typedUntil = (
  url: Redacted.Redacted<string>,
  printedLines: number,
  ...args: ReadonlyArray<string>
): Effect.Effect<Omit<Told, "exitCode">> => {
  const told = Effect.gen(function* () {
    const running = yield* Effect.forkChild(Cli.run("1.2.3", args))
    const isPrinted = Effect.map(TestConsole.logLines, ({ length }) => length >= printedLines || undefined)
    yield* eventually(Effect.delay(isPrinted, "5 millis"))
    yield* Fiber.interrupt(running)
    return yield* printed
  })
  return inProcess(url, told)
}

const printed = Effect.gen(function* () {
  return { stdout: lines(yield* TestConsole.logLines), stderr: lines(yield* TestConsole.errorLines) }
})

const inProcess = <A>(
  url: Redacted.Redacted<string> | undefined,
  told: Effect.Effect<A, never, NodeServices.NodeServices>
): Effect.Effect<A> => {
  const env = url === undefined ? {} : { DATABASE_URL: Redacted.value(url) }
  return told.pipe(
    Effect.provide([TestConsole.layer, NodeServices.layer]),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
    (run) => Effect.promise(() => Effect.runPromise(run))
  )
}

const bin = fileURLToPath(new URL("../../bin/fibric.js", import.meta.url))

/** Runs a command line as a process of its own. */
export const typedInShell = (
  url: Redacted.Redacted<string> | undefined,
  ...args: ReadonlyArray<string>
): Effect.Effect<Told> =>
  Effect.promise(
    () =>
      new Promise<Told>((resolve, reject) => {
        const { DATABASE_URL: _, ...env } = process.env
        const child = spawn(process.execPath, [bin, ...args], {
          env: url === undefined ? env : { ...env, DATABASE_URL: Redacted.value(url) },
          stdio: ["ignore", "pipe", "pipe"]
        })
        let stdout = ""
        let stderr = ""
        child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
        child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
        child.once("error", reject)
        child.once("close", (exitCode) => resolve({ stdout, stderr, exitCode: exitCode ?? -1 }))
      })
  )

/** A runtime over a database, with the orders' connector; its world is the test's to answer for. */
export const withOrders = <A, E>(
  use: (
    world: World,
    url: Redacted.Redacted<string>
  ) => Effect.Effect<A, E, Runtime.Services | Connector.Handler<"notify"> | Connector.Handler<"peek">>
) =>
  Effect.gen(function* () {
    const { url } = yield* ledgerDatabase
    const { layer, world } = makeWorld()
    const runtime = layer.pipe(
      Layer.provideMerge(FibricPostgres.layer),
      Layer.provide([PgClient.layer({ url, maxConnections: 2 }), Logger.layer([])])
    )
    return yield* Effect.provide(use(world, url), runtime)
  }).pipe(Effect.scoped)

/** The ledger's port over a database, for what no capability could ask for. */
export const withLedger = <A, E>(use: (url: Redacted.Redacted<string>) => Effect.Effect<A, E, Ledger>) =>
  Effect.gen(function* () {
    const { url } = yield* ledgerDatabase
    const ledger = PgLedger.layer.pipe(
      Layer.provide(LedgerClient.layer),
      Layer.provide(PgClient.layer({ url, maxConnections: 2 }))
    )
    return yield* Effect.provide(use(url), ledger)
  }).pipe(Effect.scoped)
