/**
 * command: how a harness is run from a shell, and how it ends: with 1 and a sentence where something is not
 * as it has to be.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Logger, type Runtime, Schema } from "effect"
import { Command } from "effect/cli"

/** Something is not as it has to be. */
export class Surprised extends Schema.TaggedError<Surprised>()("Surprised", {
  surprises: Schema.Array(Schema.String)
}) {
  override get message() {
    return `Not as it has to be:\n  ${this.surprises.join("\n  ")}`
  }
}

/** Whatever went wrong, in one sentence. Somebody who interrupts knows why it ended. */
const complain = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  return Console.error(error instanceof Error ? error.message : String(error))
}

/** Runs it with the arguments that it was given. Receipts are log events too; here they are counted instead. */
export const run = <Name extends string, Input, Shared, E>(
  command: Command.Command<Name, Input, Shared, E, NodeServices.NodeServices>,
  options: { readonly teardown?: Runtime.Teardown } = {}
): void =>
  Command.run(command, { version: "0.1.0" }).pipe(
    Effect.tapCause(complain),
    Effect.provide([NodeServices.layer, Logger.layer([])]),
    NodeRuntime.runMain({ disableErrorReporting: true, ...options })
  )
