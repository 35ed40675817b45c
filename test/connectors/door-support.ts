/**
 * What the tests of the door share: a call as the kernel would make it, and one command by itself.
 */
import { Effect, Result } from "effect"
import type { Call } from "fibric"
import * as Door from "../../connectors/door/index.ts"

/** The call that a kernel would make. */
export const callFor = (key: string, deadlineMillis = 10_000, attempt = 1): Call => ({
  key,
  entity: { type: "door", id: "12" },
  attempt,
  deadlineMillis
})

/** Short waits for a door's word, where a test wants its silence. */
export const options = (port: number, more: Partial<Door.Options> = {}): Door.Options => ({
  host: "127.0.0.1",
  port,
  encryption: "none",
  answerTimeout: "500 millis",
  ...more
})

/** What a command came to, in one line: what confirmed it, or the error's tag with its proof. */
export const outcomeOf = (
  result: Result.Result<Door.Confirmed, { readonly _tag: string; readonly proof?: string }>
): string =>
  Result.isSuccess(result)
    ? `done by ${result.success.by}`
    : [result.failure._tag, result.failure.proof].filter((part) => part !== undefined).join(" ")

export const unlock: Door.Command = { verb: "unlock", seconds: 5 }

/** Commands once, on a connector of its own. */
export const commandOnce = (config: Door.Options, call: Call, command: Door.Command = unlock) =>
  Effect.flatMap(Door.Door, (door) => Effect.result(door.command(command, call))).pipe(
    Effect.provide(Door.layer(config))
  )

/** Looks up once: the outcome, or why there is none. */
export const lookUpOnce = (config: Door.Options, call: Call) =>
  Effect.flatMap(Door.Door, (door) => Effect.result(door.lookup(call))).pipe(
    Effect.map((asked) =>
      Result.isFailure(asked) ? asked.failure.reason : asked.success._tag === "Some" ? "found" : "nothing"
    ),
    Effect.provide(Door.layer(config))
  )
