/**
 * The demo: one e-mail is meant, and it is asked for 657 times. `npm run demo`, or with `-- --json` for a
 * program to read.
 *
 * Everything is real and on this machine: an SMTP server in a process of its own, a network that loses
 * acknowledgements, Postgres, a second process that is killed. Mails are counted at the mail server,
 * receipts in the SQL view `fibric.receipts`. It ends with 1 if it does not hold what it claims.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Logger, Schema, Stdio } from "effect"
import * as Draw from "./draw.ts"
import * as Scene from "./parts/Scene.ts"
import { crash } from "./story/crash.ts"
import { fibric } from "./story/fibric.ts"
import { naive } from "./story/naive.ts"
import type { Claim } from "./story/Part.ts"
import { closing, opening } from "./story/frame.ts"
import { swallowed } from "./story/swallowed.ts"

/** The run did not hold what the story says. */
class Broken extends Schema.TaggedError<Broken>()("Broken", { claim: Schema.String }) {
  override get message() {
    return `The demo does not hold what it claims. Not true this time: ${this.claim}.`
  }
}

class UnknownArgument extends Schema.TaggedError<UnknownArgument>()("UnknownArgument", {
  argument: Schema.String
}) {
  override get message() {
    return `The demo does not know "${this.argument}". It takes --json, or nothing.`
  }
}

const story = Effect.gen(function* () {
  const parts = {
    naive: yield* naive,
    fibric: yield* fibric,
    swallowed: yield* swallowed,
    crash: yield* crash
  }
  yield* closing
  return parts
}).pipe(Effect.provide(Scene.layer))

const run = Effect.fnUntraced(function* (json: boolean) {
  yield* opening
  const { crash, fibric, naive, swallowed } = yield* story
  if (json) {
    yield* Console.log(
      JSON.stringify({
        naive: naive.counts,
        fibric: fibric.counts,
        swallowed: swallowed.counts,
        crash: crash.counts
      })
    )
  }
  const broken = [naive, fibric, swallowed, crash]
    .flatMap(({ claims }): ReadonlyArray<Claim> => claims)
    .find(([, holds]) => !holds)
  if (broken !== undefined) return yield* new Broken({ claim: broken[0] })
})

const main = Effect.gen(function* () {
  const args = yield* (yield* Stdio.Stdio).args
  const unknown = args.find((argument) => argument !== "--json")
  if (unknown !== undefined) return yield* new UnknownArgument({ argument: unknown })
  const json = args.includes("--json")
  yield* Effect.provide(run(json), Draw.layer(json))
})

/** Whatever went wrong, in one sentence. Somebody who interrupts knows why it ended. */
const tell = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  return Console.error(`\n  ${error instanceof Error ? error.message : String(error)}`)
}

main.pipe(
  Effect.tapCause(tell),
  // Receipts are log events too; here they are counted and drawn instead.
  Effect.provide([NodeServices.layer, Logger.layer([])]),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
