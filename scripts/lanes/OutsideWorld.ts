/**
 * OutsideWorld: the world as connectors and the harness see it. The process behind it is `world.ts`.
 */
import { Effect, Schema, type Scope } from "effect"
import { ask, start, tell, type Unheard } from "../harness/Served.ts"

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

export interface OutsideWorld {
  readonly port: number
  /** Makes it happen; returns when it has ended. */
  readonly perform: (order: Order) => Effect.Effect<void, Unheard>
  /** Everything that has happened, in the order in which it began. */
  readonly happened: Effect.Effect<ReadonlyArray<Happened>, Unheard>
}

/** The world that listens there. */
export const at = (port: number): OutsideWorld => ({
  port,
  perform: (order) => tell(port, "/effects", order),
  happened: ask(port, Schema.Array(Happened), "/effects")
})

/** Starts a world, for as long as the scope lives. */
export const make: Effect.Effect<OutsideWorld, Schema.SchemaError, Scope.Scope> = Effect.map(
  start(new URL("./world.ts", import.meta.url)),
  at
)
