/**
 * Command: what a worker process is told by line, and what it says to it. Both sides import this.
 */
import { Schema } from "effect"
import { capabilities } from "./changes.ts"

/** Ask for one change, once. */
const Ask = Schema.TaggedStruct("Ask", {
  capability: Schema.Literals(capabilities),
  entity: Schema.String,
  occasion: Schema.String,
  holdMillis: Schema.Finite
})

/** Keep so many asks of each entity under way, each for another change, for so long. */
const Loop = Schema.TaggedStruct("Loop", {
  capabilities: Schema.NonEmptyArray(Schema.Literals(capabilities)),
  entities: Schema.Array(Schema.String),
  atOnce: Schema.Int,
  seconds: Schema.Finite,
  holdMillis: Schema.Finite
})

/** Claim and settle without standing in line, as `storm.ts` does, for so long. */
const Storm = Schema.TaggedStruct("Storm", {
  entities: Schema.Array(Schema.String),
  atOnce: Schema.Int,
  seconds: Schema.Finite,
  holdMillis: Schema.Finite
})

export const Command = Schema.fromJsonString(Schema.Union([Ask, Loop, Storm]))
export type Command = typeof Command.Type

/** One line for each command, once it has been carried out. */
export const Said = Schema.fromJsonString(
  Schema.Struct({
    /** Asks that were answered with a receipt of what happened. */
    performed: Schema.Int,
    /** The others, by the error's tag. */
    failed: Schema.Record(Schema.String, Schema.Int),
    /** What the ledger was asked since the process began; see `CountedLedger`. */
    events: Schema.Record(Schema.String, Schema.Int),
    statements: Schema.Record(Schema.String, Schema.Struct({ count: Schema.Int, millis: Schema.Finite }))
  })
)
export type Said = typeof Said.Type

/** The kernel's bounds that a scenario sets. */
export const Bounds = Schema.fromJsonString(
  Schema.Struct({
    leaseMillis: Schema.optionalKey(Schema.Finite),
    beatMillis: Schema.optionalKey(Schema.Finite),
    reapMillis: Schema.optionalKey(Schema.Finite),
    turnMillis: Schema.optionalKey(Schema.Finite),
    pollMillis: Schema.optionalKey(Schema.Finite),
    maxPollMillis: Schema.optionalKey(Schema.Finite)
  })
)
export type Bounds = typeof Bounds.Type
