/**
 * worker: a process that delivers, until it is killed. It says "ready" once it does.
 *
 * Usage: worker.ts <the provider's port>, with `DATABASE_URL`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { PgClient } from "@effect/sql-pg"
import { Config, Console, Effect, Layer, Logger, Schema } from "effect"
import { layer as layerPostgres } from "fibric/postgres"
import { flushCompileCache } from "node:module"
import { layerWorker, settings } from "./changes.ts"

const program = Effect.gen(function* () {
  const [port] = yield* Schema.decodeUnknownEffect(Schema.Tuple([Schema.FiniteFromString]))(
    process.argv.slice(2)
  )
  const runtime = layerWorker(port).pipe(
    Layer.provide(layerPostgres),
    Layer.provide(settings),
    Layer.provide(
      Layer.unwrap(
        Effect.map(Config.Redacted("DATABASE_URL"), (url) => PgClient.layer({ url, maxConnections: 2 }))
      )
    )
  )
  flushCompileCache()
  return yield* Effect.provide(Effect.andThen(Console.log("ready"), Effect.never), runtime)
})

// Nobody ends it but the judge: when that has gone, so has the pipe.
process.stdin.resume()
process.stdin.once("close", () => process.exit(0))
NodeRuntime.runMain(Effect.provide(program, Logger.layer([])))
