/**
 * Provider: the far side of `resend`, as the workers and the judge see it. The process behind it is
 * `provider-process.ts`.
 */
import { Effect, Schema, type Scope } from "effect"
import * as Child from "../harness/Child.ts"

/** One request, as it is sent. */
export interface Order {
  readonly key: string
  readonly entity: string
  readonly transaction: number
  readonly number: number
}

const Effects = Schema.Struct({
  effects: Schema.Array(
    Schema.Struct({ entity: Schema.String, transaction: Schema.Int, number: Schema.Int })
  ),
  /** How many requests came under a key that it knew. */
  recognised: Schema.Int
})

/** The provider was not heard. */
export class Unheard extends Schema.TaggedError<Unheard>()("Unheard", { reason: Schema.String }) {}

const ask = <S extends Schema.Codec<unknown, unknown>>(answer: S, port: number, body?: Order) =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(`http://127.0.0.1:${port}/effects`, {
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

/** Makes it happen, or is told that it has happened under this key already. */
export const perform = (port: number, order: Order) => ask(Schema.Struct({}), port, order)

/** What has happened, in order. */
export const happened = (port: number) => ask(Effects, port)

const Listening = Schema.fromJsonString(Schema.Struct({ port: Schema.Int }))

/** Starts a provider for as long as the scope lives; its port. */
export const make: Effect.Effect<number, Schema.SchemaError, Scope.Scope> = Effect.gen(function* () {
  const child = yield* Child.start(new URL("./provider-process.ts", import.meta.url), [])
  const { port } = yield* Schema.decodeUnknownEffect(Listening)(yield* child.nextLine)
  return port
})
