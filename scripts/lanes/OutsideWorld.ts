/**
 * OutsideWorld: the world as connectors and the harness see it. The process behind it is `world.ts`.
 */
import { Effect, Schema, type Scope } from "effect"
import * as Child from "../harness/Child.ts"

const order = {
  entity: Schema.String,
  capability: Schema.String,
  /** The change that was meant, whatever key the provider was given for it. */
  occasion: Schema.String,
  worker: Schema.String,
  /** From the ask to the call, on the worker's monotonic clock. */
  waitedMillis: Schema.Finite
}

/** One order to the world, which takes so long over it. */
export interface Order extends Schema.Struct.Type<typeof order> {
  readonly holdMillis: number
}

/** What the world has seen of an effect, by its own clock in milliseconds; `null` while it lasts. */
const Happened = Schema.Struct({
  ...order,
  beganAt: Schema.Finite,
  endedAt: Schema.NullOr(Schema.Finite)
})
export type Happened = typeof Happened.Type

/** The world could not be asked, or was not understood. */
export class Unheard extends Schema.TaggedError<Unheard>()("Unheard", { reason: Schema.String }) {
  override get message() {
    return `The world was not heard: ${this.reason}`
  }
}

export interface OutsideWorld {
  readonly port: number
  /** Makes it happen; returns when it has ended. */
  readonly perform: (order: Order) => Effect.Effect<void, Unheard>
  /** Everything that has happened, in the order in which it began. */
  readonly happened: Effect.Effect<ReadonlyArray<Happened>, Unheard>
}

/** The world that listens there. */
export const at = (port: number): OutsideWorld => {
  const ask = (body?: unknown) =>
    Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(`http://127.0.0.1:${port}/effects`, {
          signal,
          ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) })
        })
        return response.text()
      },
      catch: (error) => new Unheard({ reason: String(error) })
    })
  return {
    port,
    perform: (order) => Effect.asVoid(ask(order)),
    happened: Effect.flatMap(ask(), (text) =>
      Effect.mapError(
        Schema.decodeEffect(Schema.fromJsonString(Schema.Array(Happened)))(text),
        (error) => new Unheard({ reason: error.message })
      )
    )
  }
}

const Listening = Schema.fromJsonString(Schema.Struct({ port: Schema.Int }))

/** Starts a world, for as long as the scope lives. */
export const make: Effect.Effect<OutsideWorld, Schema.SchemaError, Scope.Scope> = Effect.gen(function* () {
  const child = yield* Child.start(new URL("./world.ts", import.meta.url), [])
  const { port } = yield* Schema.decodeUnknownEffect(Listening)(yield* child.nextLine)
  return at(port)
})
