/**
 * A process of its own that sends one request to the given port and prints its outcome.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { local, outcomeOf, perform } from "./http-support.ts"

NodeRuntime.runMain(
  Effect.flatMap(perform(local(Number(process.argv[2]))), (result) => Console.log(outcomeOf(result)))
)
