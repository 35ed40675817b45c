/**
 * worker: a process that runs fibric over `DATABASE_URL` and asks for changes as it is told by line. It
 * prints `ready`, then a line for each answer; what they say stands in `Wish.ts`. It ends when its stdin
 * closes. `Fleet.ts` starts it as one bundled file: loading its modules one by one would take most of its
 * short life.
 *
 * Usage: worker.ts <name> <the world's port> <whether a pooler is between>
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { PgClient } from "@effect/sql-pg"
import { Cause, Config, Effect, Layer, Logger, Schema, Stream } from "effect"
import { Operator } from "fibric"
import { layer as layerPostgres } from "fibric/postgres"
import { writeSync } from "node:fs"
import { flushCompileCache } from "node:module"
import { createInterface } from "node:readline"
import { ask, layerConnector, layerSettings } from "./changes.ts"
import * as OutsideWorld from "./OutsideWorld.ts"
import { type Answer, WishLine } from "./Wish.ts"

const Arguments = Schema.Tuple([
  Schema.NonEmptyString,
  Schema.FiniteFromString,
  Schema.Literals(["true", "false"])
])

const say = (line: string) => Effect.sync(() => void writeSync(1, `${line}\n`))

const answered = Effect.fnUntraced(function* (line: string) {
  const wish = yield* Schema.decodeEffect(WishLine)(line)
  const answer = yield* Effect.match(ask(wish), {
    onSuccess: ({ receipt }): Answer => ({ n: wish.n, answer: "Performed", receipt: receipt.id }),
    onFailure: (error): Answer => ({
      n: wish.n,
      answer: error._tag,
      receipt: "receipt" in error ? (error.receipt?.id ?? null) : null
    })
  })
  yield* say(JSON.stringify(answer))
})

const layerDatabase = (isPooled: boolean) =>
  Layer.unwrap(
    Effect.map(Config.Redacted("DATABASE_URL"), (url) =>
      PgClient.layer({ url, maxConnections: 2, prepare: !isPooled })
    )
  )

const program = Effect.gen(function* () {
  const [name, port, isPooled] = yield* Schema.decodeUnknownEffect(Arguments)(process.argv.slice(2))
  const wishes = Stream.fromAsyncIterable(createInterface({ input: process.stdin }), String)
  // Who is killed writes no cache at its end, and the next one would compile everything again.
  flushCompileCache()
  yield* say("ready").pipe(
    Effect.andThen(Stream.runDrain(Stream.mapEffect(wishes, answered, { concurrency: "unbounded" }))),
    Operator.as(name),
    Effect.provide(
      Layer.provideMerge(
        layerConnector(OutsideWorld.at(port), name),
        layerPostgres.pipe(Layer.provide(layerDatabase(isPooled === "true")), Layer.provide(layerSettings))
      )
    )
  )
})

/** A worker may start while its database does not: whoever has started it sees that it is gone. */
const tell = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  const isRefusal = error instanceof Error && "_tag" in error && error._tag === "StartRefused"
  return isRefusal || Cause.hasInterruptsOnly(cause)
    ? Effect.void
    : Effect.sync(() => void writeSync(2, `${Cause.pretty(cause)}\n`))
}

NodeRuntime.runMain(Effect.provide(Effect.tapCause(program, tell), Logger.layer([])), {
  disableErrorReporting: true
})
