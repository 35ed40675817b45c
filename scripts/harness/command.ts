/**
 * command: how a harness is run from a shell, the flags that many of them have, and how it ends: with 1 and a
 * sentence where something is not as it has to be.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Logger, type Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { SqlError } from "effect/sql"
import { detailOf } from "../../src/postgres/Refusal.ts"

/** Something is not as it has to be. */
export class Surprised extends Schema.TaggedError<Surprised>()("Surprised", {
  surprises: Schema.Array(Schema.String)
}) {
  override get message() {
    return `Not as it has to be:\n  ${this.surprises.join("\n  ")}`
  }
}

/** It ends with 1, and has said itself why. */
export class Told extends Schema.TaggedError<Told>()("Told", {}) {}

/** `--json`. */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print the numbers as one line of JSON"),
  Flag.withDefault(false)
)

/** A whole number within bounds, by default from 1 on. */
export const whole = (
  name: string,
  description: string,
  { least = 1, most = Number.MAX_SAFE_INTEGER }: { readonly least?: number; readonly most?: number } = {}
) =>
  Flag.Int(name).pipe(
    Flag.withDescription(description),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: least, maximum: most })))
  )

/** What an error says; a database's says it in its reason. */
const sentenceOf = (error: unknown): string =>
  SqlError.isSqlError(error)
    ? `${error.message}: ${detailOf(error.reason)}`
    : error instanceof Error
      ? error.message
      : String(error)

/** Whatever went wrong, in one sentence. Somebody who interrupts knows why it ended. */
const complain = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  return error instanceof Told ? Effect.void : Console.error(sentenceOf(error))
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
