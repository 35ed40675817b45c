/**
 * Workers: the worker processes of a scenario, with a world of their own.
 */
import { Effect, type Redacted, Schema } from "effect"
import * as Child from "../harness/Child.ts"
import { type Bounds, Command, Said } from "./Command.ts"
import type { Database } from "./Database.ts"
import * as OutsideWorld from "./OutsideWorld.ts"

/** Where scenarios take place. */
export interface Where {
  readonly database: Database
  /** A folder for compiled code: workers start sooner. */
  readonly compiled: Redacted.Redacted<string>
}

/** A worker ended although nobody had ended it. */
class Ended extends Schema.TaggedError<Ended>()("Ended", { worker: Schema.String }) {
  override get message() {
    return `The worker ${this.worker} ended before it had answered`
  }
}

export interface Worker extends Pick<Child.Child, "dismiss" | "signal"> {
  readonly name: string
  readonly tell: (command: Command) => Effect.Effect<void, Schema.SchemaError>
  /** What it says of the next command that it has carried out. */
  readonly said: Effect.Effect<Said, Ended | Schema.SchemaError>
}

/** Starts a world and workers of these names; returns when all are ready. */
export const start = Effect.fnUntraced(function* <const Name extends string>(
  { compiled, database }: Where,
  names: ReadonlyArray<Name>,
  bounds: Bounds = {}
) {
  const world = yield* OutsideWorld.make
  const startOne = Effect.fnUntraced(function* (name: Name) {
    const child = yield* Child.start(
      new URL("./worker.ts", import.meta.url),
      [name, `${world.port}`, JSON.stringify(bounds)],
      {
        DATABASE_URL: database.url,
        NODE_COMPILE_CACHE: compiled
      }
    )
    const nextLine = Effect.filterOrFail(
      child.nextLine,
      (line) => line !== undefined,
      () => new Ended({ worker: name })
    )
    yield* nextLine
    const worker: Worker = {
      ...child,
      name,
      tell: (command) => Effect.flatMap(Schema.encodeEffect(Command)(command), child.say),
      said: Effect.flatMap(nextLine, Schema.decodeEffect(Said))
    }
    return worker
  })
  const workers = yield* Effect.forEach(names, startOne, { concurrency: "unbounded" })
  return { world, workers }
})

/** The counts of several workers together. */
export const sum = (counts: ReadonlyArray<Readonly<Record<string, number>>>): Record<string, number> => {
  const sums: Record<string, number> = {}
  for (const [name, count] of counts.flatMap(Object.entries<number>)) sums[name] = (sums[name] ?? 0) + count
  return Object.fromEntries(Object.entries(sums).sort(([a], [b]) => a.localeCompare(b)))
}

/** How many statements of each kind the workers ran, and how long one took in the mean. */
export const statements = (
  said: ReadonlyArray<Said>
): Record<string, { readonly count: number; readonly meanMillis: number }> => {
  const counts = sum(said.map(({ statements }) => Object.fromEntries(each(statements, "count"))))
  const millis = sum(said.map(({ statements }) => Object.fromEntries(each(statements, "millis"))))
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [
      name,
      { count, meanMillis: Math.round(((millis[name] ?? 0) / count) * 10) / 10 }
    ])
  )
}

const each = (statements: Said["statements"], field: "count" | "millis") =>
  Object.entries(statements).map(([name, statement]) => [name, statement[field]] as const)

/** A look that is repeated until it is content; at the bound its last answer is taken as it is. */
export const eventually = <A, E, R>(
  look: Effect.Effect<A, E, R>,
  isContent: (found: A) => boolean,
  times = 400
): Effect.Effect<A, E, R> =>
  Effect.filterOrElse(
    look,
    (found) => isContent(found) || times <= 1,
    () => Effect.andThen(Effect.sleep(25), eventually(look, isContent, times - 1))
  )
