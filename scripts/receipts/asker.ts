/**
 * asker: a process that asks for the one change without end, many requests at once, and says so by a
 * character each on stdout: `a` before it asks, `b` when it has been answered. What was written to a pipe
 * stays there when the process is killed.
 *
 * Usage: asker.ts <entity> <requests at once>, with `DATABASE_URL`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Layer, Logger, Schema } from "effect"
import { execute } from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import { writeSync } from "node:fs"
import { flushCompileCache } from "node:module"
import { action, layerConnector } from "./action.ts"

const Arguments = Schema.Tuple([Schema.NonEmptyString, Schema.FiniteFromString])

const say = (character: string) => Effect.sync(() => void writeSync(1, character))

const program = Effect.gen(function* () {
  const [entity, atOnce] = yield* Schema.decodeUnknownEffect(Arguments)(process.argv.slice(2))
  const runtime = layerConnector(() => writeSync(1, "c")).pipe(
    Layer.provideMerge(layerPostgres),
    Layer.provide(
      Layer.unwrap(
        Effect.map(Config.Redacted("DATABASE_URL"), (url) => PgClient.layer({ url, maxConnections: 2 }))
      )
    )
  )
  flushCompileCache()
  const one = say("a").pipe(Effect.andThen(execute(action(entity))), Effect.andThen(say("b")))
  const forever = Effect.forever(Effect.catch(one, (error) => Effect.logError("asker", error)))
  yield* Effect.provide(
    Effect.all(
      Array.from({ length: atOnce }, () => forever),
      { concurrency: "unbounded" }
    ),
    runtime
  )
})

NodeRuntime.runMain(Effect.provide(program, Logger.layer([])))
