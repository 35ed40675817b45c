/**
 * Device: what a door says about itself, decoded before anybody believes it.
 *
 * The device owns the truth about what it has done. It keeps its state, with the ids of the last
 * commands that it has carried out, in a retained message; with MQTT 5 it answers each command too.
 */
import { Option, Schema } from "effect"

/** More than this is no state and no answer of a door. */
const maxBytes = 65_536

/** The retained state of a door. */
export const DoorState = Schema.Struct({
  locked: Schema.Boolean,
  /** The ids of commands that it has carried out, in any order, as many as it remembers. */
  done: Schema.Array(Schema.String.check(Schema.isMaxLength(64))).check(Schema.isMaxLength(1_000)),
  /** How many ids it remembers. One less in `done`, and none can have been forgotten. */
  remembers: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 })),
  /** The ids of commands that it has refused and never will carry out, with its reasons. */
  refused: Schema.optionalKey(
    Schema.Record(Schema.String.check(Schema.isMaxLength(64)), Schema.String).check(
      Schema.isMaxProperties(1_000)
    )
  )
})
export type DoorState = typeof DoorState.Type

/**
 * The answer to one command.
 *
 * - `done`: it has been carried out
 * - `refused`: it will not be, for the reason given, however often it is asked for
 * - `expired`: it came too late, and was left undone
 */
export const Answer = Schema.Union([
  Schema.Struct({ result: Schema.Literals(["done", "expired"]) }),
  Schema.Struct({ result: Schema.Literal("refused"), reason: Schema.String })
])
export type Answer = typeof Answer.Type

const decodeState = Schema.decodeUnknownOption(Schema.fromJsonString(DoorState))
const decodeAnswer = Schema.decodeUnknownOption(Schema.fromJsonString(Answer))

const bounded = (bytes: Buffer): Option.Option<string> =>
  bytes.length > maxBytes ? Option.none() : Option.some(bytes.toString("utf8"))

/** The state, or none where nobody can read it as one. */
export const stateIn = (bytes: Buffer): Option.Option<DoorState> =>
  Option.flatMap(bounded(bytes), decodeState)

/** The answer, or none where nobody can read it as one. */
export const answerIn = (bytes: Buffer): Option.Option<Answer> => Option.flatMap(bounded(bytes), decodeAnswer)

/** Why the device has refused a command, where its state says so. */
export const refusalOf = ({ done, refused }: DoorState, id: string): string | undefined =>
  done.includes(id) || refused === undefined || !Object.hasOwn(refused, id) ? undefined : refused[id]

/**
 * What a state says about a command: carried out, not carried out so far, or nothing, because its memory
 * is full and the command's id may have been the one that had to go.
 */
export const saysOf = (state: DoorState, id: string): "done" | "not_so_far" | "forgotten" => {
  if (state.done.includes(id)) return "done"
  return state.done.length < state.remembers ? "not_so_far" : "forgotten"
}
