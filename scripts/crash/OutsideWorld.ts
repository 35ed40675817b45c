/**
 * OutsideWorld: the world as a connector and the harness see it. The process behind it is `world.ts`.
 */
import { Effect, Schema, type Scope } from "effect"
import * as Child from "../harness/Child.ts"

/** One order to the world. With `honour` it recognises the key, and counts its first order only. */
export interface Order {
  readonly key: string
  readonly subject: string
  readonly honour: boolean
}

const Told = Schema.Struct({ effect: Schema.String })
const Found = Schema.Struct({ effect: Schema.NullOr(Schema.String) })
const Counts = Schema.Struct({ effects: Schema.Int, lookups: Schema.Int })

/** The world could not be asked, or was not understood. */
export class Unheard extends Schema.TaggedError<Unheard>()("Unheard", { reason: Schema.String }) {
  override get message() {
    return `The world was not heard: ${this.reason}`
  }
}

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
  const ask = <S extends Schema.Codec<unknown, unknown>>(answer: S, path: string, body?: unknown) =>
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
  const query = (names: Readonly<Record<string, string>>) => new URLSearchParams(names).toString()
  return {
    port,
    perform: (order) => Effect.map(ask(Told, "/effects", order), ({ effect }) => effect),
    lookUp: (key, subject) =>
      Effect.map(ask(Found, `/effect?${query({ key, subject })}`), ({ effect }) => effect),
    counts: (subject) => ask(Counts, `/counts?${query({ subject })}`)
  }
}

const Listening = Schema.fromJsonString(Schema.Struct({ port: Schema.Int }))

/** Starts a world, for as long as the scope lives. */
export const make: Effect.Effect<OutsideWorld, Schema.SchemaError, Scope.Scope> = Effect.gen(function* () {
  const child = yield* Child.start(new URL("./world.ts", import.meta.url), [])
  const { port } = yield* Schema.decodeUnknownEffect(Listening)(yield* child.nextLine)
  return at(port)
})
