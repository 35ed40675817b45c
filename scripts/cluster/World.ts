/**
 * World: the outside world as runners and the harness see it. The process behind it is `world-process.ts`.
 */
import { Effect, Schema, type Scope } from "effect"
import * as Child from "../harness/Child.ts"

const OrderSchema = Schema.Struct({
  /** The provider's key. */
  key: Schema.String,
  entity: Schema.String,
  /** What is meant: two effects of one change are a duplicate. */
  change: Schema.String,
  runner: Schema.String,
  /** How long the effect takes. */
  millis: Schema.Finite
})
export type Order = typeof OrderSchema.Type

const ReportSchema = Schema.Struct({
  effects: Schema.Int,
  changes: Schema.Int,
  duplicates: Schema.Int,
  /** Effects that began while another one of their entity was under way. */
  overlaps: Schema.Int,
  /** Orders under a key that had been seen: what was sent again after a doubt, or by a runner that came back. */
  recognised: Schema.Int,
  running: Schema.Array(OrderSchema),
  /** Which runner was the last to order an effect for an entity. */
  owners: Schema.Record(Schema.String, Schema.String)
})
export type Report = typeof ReportSchema.Type

export interface World {
  readonly port: number
  /** Makes it happen; answers when it has. Whatever goes wrong on the way is a defect: nobody can tell. */
  readonly perform: (order: Order) => Effect.Effect<void>
  readonly report: Effect.Effect<Report>
}

/** The world that listens there. */
export const at = (port: number): World => {
  const ask = (path: string, body?: unknown) =>
    Effect.promise(async (signal) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        signal,
        ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) })
      })
      return response.json()
    })
  return {
    port,
    perform: (order) => Effect.asVoid(ask("/effects", order)),
    report: Effect.orDie(Effect.flatMap(ask("/report"), Schema.decodeUnknownEffect(ReportSchema)))
  }
}

const Listening = Schema.fromJsonString(Schema.Struct({ port: Schema.Int }))

/** Starts a world, for as long as the scope lives. */
export const make: Effect.Effect<World, Schema.SchemaError, Scope.Scope> = Effect.gen(function* () {
  const child = yield* Child.start(new URL("./world-process.ts", import.meta.url), [])
  const { port } = yield* Schema.decodeUnknownEffect(Listening)(yield* child.nextLine)
  return at(port)
})
