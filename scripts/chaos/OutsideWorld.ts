/**
 * OutsideWorld: the world as connectors and the harness see it. The process behind it is `world.ts`.
 */
import { Effect, Schema, type Scope } from "effect"
import * as Child from "../harness/Child.ts"
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

/** The world could not be asked, or was not understood. */
export class Unheard extends Schema.TaggedError<Unheard>()("Unheard", { reason: Schema.String }) {
  override get message() {
    return `The world was not heard: ${this.reason}`
  }
}

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
  const ask = <S extends Schema.Codec<unknown, unknown>>(answer: S, path: string, body?: Order) =>
    Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, {
          signal,
          ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) })
        })
        return response.text()
      },
      catch: (error) => new Unheard({ reason: String(error) })
    }).pipe(
      Effect.flatMap((text) =>
        Effect.mapError(
          Schema.decodeEffect(Schema.fromJsonString(answer))(text),
          (error) => new Unheard({ reason: error.message })
        )
      )
    )
  return {
    port,
    perform: (order) => ask(Told, "/orders", order),
    lookUp: (key) =>
      Effect.map(ask(Found, `/effect?${new URLSearchParams({ key }).toString()}`), ({ effect }) => effect),
    record: ask(Schema.Array(Ordered), "/orders")
  }
}

const Listening = Schema.fromJsonString(Schema.Struct({ port: Schema.Int }))

/** Starts a world whose moods follow from the seed, for as long as the scope lives. */
export const make = Effect.fnUntraced(function* (
  seed: number
): Effect.fn.Return<OutsideWorld, Schema.SchemaError, Scope.Scope> {
  const child = yield* Child.start(new URL("./world.ts", import.meta.url), [String(seed)])
  const { port } = yield* Schema.decodeUnknownEffect(Listening)(yield* child.nextLine)
  return at(port)
})
