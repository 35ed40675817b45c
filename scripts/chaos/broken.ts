/**
 * broken: the same run in a scratch copy of the tree whose kernel is broken in one place, for each mutant.
 */
import { Console, Effect, Option, Schema } from "effect"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Child from "../harness/Child.ts"
import { apply, copyTree, restore } from "../harness/Scratch.ts"
import { type Mutant, mutants } from "./mutants.ts"
import type { Options } from "./ground.ts"

/** What the run says of a mutant in its last line. */
const Line = Schema.fromJsonString(Schema.Struct({ violations: Schema.Int, verdict: Schema.String }))

export interface Found {
  readonly name: string
  readonly violations: number
  readonly verdict: string
}

/** The run in the scratch copy; one that ends without a word has found nothing. */
const runIn = Effect.fnUntraced(function* (scratch: string, { seconds, seed }: Omit<Options, "stage">) {
  const program = pathToFileURL(join(scratch, "scripts/chaos/main.ts"))
  const child = yield* Child.start(program, ["--seconds", `${seconds}`, "--seed", `${seed}`, "--json"])
  const last = Effect.gen(function* () {
    let last = ""
    for (let line = yield* child.nextLine; line !== undefined; line = yield* child.nextLine) last = line
    return last
  })
  const line = yield* Effect.onInterrupt(last, () =>
    // It stops what it has started before it ends.
    Effect.andThen(child.signal("SIGINT"), child.end)
  )
  return Option.getOrElse(yield* Effect.option(Schema.decodeEffect(Line)(line)), () => ({
    violations: 0,
    verdict: "no verdict"
  }))
}, Effect.scoped)

/** Runs each mutant; what is left of them is removed. */
export const runAll = (options: Omit<Options, "stage">, wanted: ReadonlyArray<Mutant> = mutants) =>
  Effect.acquireUseRelease(
    Effect.sync(copyTree),
    (scratch) =>
      Effect.forEach(
        wanted,
        Effect.fnUntraced(function* ({ edits, name }) {
          for (const edit of edits) apply(scratch, edit)
          yield* Console.error(`mutant: ${name}`)
          const { verdict, violations } = yield* runIn(scratch, options)
          for (const edit of edits) restore(scratch, edit)
          return { name, violations, verdict } satisfies Found
        })
      ),
    (scratch) => Effect.sync(() => rmSync(scratch, { recursive: true, force: true }))
  )
