/**
 * OutsideWorld: the world as a connector and the harness see it. The process behind it is `world.ts`.
 */
import { Effect, Schema, type Scope } from "effect"
import { ask, start, type Unheard } from "../harness/Served.ts"

/** One order to the world. With `honour` it recognises the key, and counts its first order only. */
export interface Order {
  readonly key: string
  readonly subject: string
  readonly honour: boolean
}

const Told = Schema.Struct({ effect: Schema.String })
const Found = Schema.Struct({ effect: Schema.NullOr(Schema.String) })
const Counts = Schema.Struct({ effects: Schema.Int, lookups: Schema.Int })

export interface OutsideWorld {
  readonly port: number
  /** Makes it happen; the effect's name there, once it is counted. */
  readonly perform: (order: Order) => Effect.Effect<string, Unheard>
  /** The effect of a key, or `null`. Counted as a lookup for the subject. */
  readonly lookUp: (key: string, subject: string) => Effect.Effect<string | null, Unheard>
  /** What has happened for a subject, under whatever key. */
  readonly counts: (subject: string) => Effect.Effect<typeof Counts.Type, Unheard>
}

/** The world that listens there. */
export const at = (port: number): OutsideWorld => {
  const query = (names: Readonly<Record<string, string>>) => new URLSearchParams(names).toString()
  return {
    port,
    perform: (order) => Effect.map(ask(port, Told, "/effects", order), ({ effect }) => effect),
    lookUp: (key, subject) =>
      Effect.map(ask(port, Found, `/effect?${query({ key, subject })}`), ({ effect }) => effect),
    counts: (subject) => ask(port, Counts, `/counts?${query({ subject })}`)
  }
}

/** Starts a world, for as long as the scope lives. */
export const make: Effect.Effect<OutsideWorld, Schema.SchemaError, Scope.Scope> = Effect.map(
  start(new URL("./world.ts", import.meta.url)),
  at
)
