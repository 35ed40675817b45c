/**
 * The benchmark: fibric beside what can be written by hand, on a Postgres of its own, with the same work for
 * everybody. `npm run bench`, with `-- --json` for a program to read. What is measured, how, and what came
 * of it stands in docs/performance.md.
 *
 * It ends with 1 if something is not as it has to be (effects, receipts, answers), however fast it was.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Logger } from "effect"
import { Command, Flag } from "effect/cli"
import * as A from "./contests/A.ts"
import { full, quick } from "./contests/Sizes.ts"
import * as Server from "./harness/Server.ts"

const bench = Command.make(
  "bench",
  {
    rounds: Flag.Int("rounds").pipe(Flag.withDefault(0)),
    quick: Flag.Boolean("quick").pipe(Flag.withDefault(false)),
    json: Flag.Boolean("json").pipe(Flag.withDefault(false))
  },
  Effect.fn(function* ({ json, quick: isQuick, rounds }) {
    const server = yield* Server.make
    const sizes = isQuick ? quick : { ...full, rounds: rounds === 0 ? full.rounds : rounds }
    const a = yield* A.run({ server, sizes })
    yield* Console.log(JSON.stringify({ rounds: a.rounds, A: a.report }, null, json ? 0 : 2))
  }, Effect.scoped)
)

const complain = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  return Console.error(error instanceof Error ? error.message : String(error))
}

Command.run(bench, { version: "0.1.0" }).pipe(
  Effect.tapCause(complain),
  Effect.provide([NodeServices.layer, Logger.layer([])]),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
