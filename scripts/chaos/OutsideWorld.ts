/**
 * OutsideWorld: the world as connectors and the harness see it. The process behind it is `world.ts`.
 */
import { Effect, Schema, type Scope } from "effect"
import { ask, start, type Unheard } from "../harness/Served.ts"
import { capabilities } from "./Wish.ts"

const order = {
  /** The provider's key. */
  key: Schema.String,
  /** The change that was meant, whatever key the provider was given for it. */
  capability: Schema.Literals(capabilities),
  entity: Schema.String,
  occasion: Schema.String,
  attempt: Schema.Int,
  worker: Schema.String
}

/** One order to the world. */
export type Order = Schema.Struct.Type<typeof order>

/** How the world deals with an order. What it does and what it says are two things. */
export const fates = ["done", "lost", "late", "mute", "garbled", "deaf", "denied", "declined"] as const
export type Fate = (typeof fates)[number]

/** What the world has seen of an order, on its clock in milliseconds since 1970. */
export const Ordered = Schema.Struct({
  ...order,
  fate: Schema.Literals(fates),
  arrivedAt: Schema.Finite,
  /** The effect's name; `null` where there was none. */
  effect: Schema.NullOr(Schema.String),
  /** It recognised the key, and `effect` is the first order's. */
  recognised: Schema.Boolean,
  /** When the effect ended; `null` while it lasts. */
  endedAt: Schema.NullOr(Schema.Finite)
})
export type Ordered = typeof Ordered.Type

const Done = Schema.TaggedStruct("Done", { effect: Schema.String })
/** It did nothing, and says so. */
const Denied = Schema.TaggedStruct("Denied", {})
/** It did nothing, for good. */
const Declined = Schema.TaggedStruct("Declined", {})
export const Told = Schema.Union([Done, Denied, Declined])
export type Told = typeof Told.Type

const Found = Schema.Struct({ effect: Schema.NullOr(Schema.String) })

export interface OutsideWorld {
  readonly port: number
  readonly perform: (order: Order) => Effect.Effect<Told, Unheard>
  /** The effect of a provider's key, or `null`. */
  readonly lookUp: (key: string) => Effect.Effect<string | null, Unheard>
  /** Everything that was ordered, in the order of arrival. */
  readonly record: Effect.Effect<ReadonlyArray<Ordered>, Unheard>
}

/** The world that listens there. */
export const at = (port: number): OutsideWorld => {
  return {
    port,
    perform: (order) => ask(port, Told, "/orders", order),
    lookUp: (key) =>
      Effect.map(
        ask(port, Found, `/effect?${new URLSearchParams({ key }).toString()}`),
        ({ effect }) => effect
      ),
    record: ask(port, Schema.Array(Ordered), "/orders")
  }
}

/** Starts a world whose moods follow from the seed, for as long as the scope lives. */
export const make = Effect.fnUntraced(function* (
  seed: number
): Effect.fn.Return<OutsideWorld, Schema.SchemaError, Scope.Scope> {
  return at(yield* start(new URL("./world.ts", import.meta.url), [String(seed)]))
})
