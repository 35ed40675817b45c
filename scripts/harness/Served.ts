/**
 * Served: an outside world as those who speak to it see it. The process behind it is one of `serve.ts`.
 */
import { Effect, Schema, type Scope } from "effect"
import * as Child from "./Child.ts"

/** The world could not be asked, or was not understood. */
export class Unheard extends Schema.TaggedError<Unheard>()("Unheard", { reason: Schema.String }) {
  override get message() {
    return `The world was not heard: ${this.reason}`
  }
}

const heard = (port: number, path: string, body?: unknown): Effect.Effect<string, Unheard> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        signal,
        ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) })
      })
      return response.text()
    },
    catch: (error) => new Unheard({ reason: String(error) })
  })

/** Asks the world that listens there, with a body as a POST; its answer, as the schema reads it. */
export const ask = <S extends Schema.Codec<unknown, unknown>>(
  port: number,
  answer: S,
  path: string,
  body?: unknown
): Effect.Effect<S["Type"], Unheard> =>
  Effect.flatMap(heard(port, path, body), (text) =>
    Effect.mapError(
      Schema.decodeEffect(Schema.fromJsonString(answer))(text),
      (error) => new Unheard({ reason: error.message })
    )
  )

/** The same where only the end of the answer counts, and not what it says. */
export const tell = (port: number, path: string, body: unknown): Effect.Effect<void, Unheard> =>
  Effect.asVoid(heard(port, path, body))

const Listening = Schema.fromJsonString(Schema.Struct({ port: Schema.Int }))

/** Starts one for as long as the scope lives; its port. */
export const start = Effect.fnUntraced(function* (
  program: URL,
  args: ReadonlyArray<string> = []
): Effect.fn.Return<number, Schema.SchemaError, Scope.Scope> {
  const child = yield* Child.start(program, args)
  const { port } = yield* Schema.decodeUnknownEffect(Listening)(yield* child.nextLine)
  return port
})
