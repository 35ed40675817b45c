/**
 * Subject: the process of a subject as the harness drives it. A fresh one for each run.
 */
import { Context, Effect, type Redacted, Schema, type Scope } from "effect"
import * as Child from "../../scripts/harness/Child.ts"
import { Load, Said } from "../Load.ts"

/** A subject's process ended although it had been asked for something. */
export class Ended extends Schema.TaggedError<Ended>()("Ended", { subject: Schema.String }) {
  override get message() {
    return `The process of "${this.subject}" ended before it had answered; its last words stand above.`
  }
}

/** A folder for compiled code: processes start sooner. */
export const Compiled = Context.Reference<Redacted.Redacted<string> | undefined>("fibric/bench/Compiled", {
  defaultValue: () => undefined
})

export interface Subject {
  readonly name: string
  /** Has it carry a load out; returns when it has. */
  readonly carryOut: (load: Load) => Effect.Effect<Said, Ended | Schema.SchemaError>
  /** It closes and ends; returns when it has. */
  readonly dismiss: Effect.Effect<void>
}

const encodeLoad = Schema.encodeEffect(Schema.fromJsonString(Load))
const decodeSaid = Schema.decodeEffect(Schema.fromJsonString(Said))

/** Returns when it is connected and ready. */
export const start = Effect.fnUntraced(function* (
  name: string,
  url: Redacted.Redacted<string>
): Effect.fn.Return<Subject, Ended, Scope.Scope> {
  const compiled = yield* Compiled
  const child = yield* Child.start(new URL("../subjects/main.ts", import.meta.url), [name], {
    DATABASE_URL: url,
    ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled })
  })
  const nextLine = Effect.filterOrFail(
    child.nextLine,
    (line) => line !== undefined,
    () => new Ended({ subject: name })
  )
  yield* nextLine
  return {
    name,
    carryOut: (load) =>
      Effect.flatMap(encodeLoad(load), child.say).pipe(Effect.andThen(nextLine), Effect.flatMap(decodeSaid)),
    dismiss: child.dismiss
  }
})
