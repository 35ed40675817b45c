/**
 * `fibric outbox revive` and `drop`: what a person does with a dead letter.
 */
import { Console, Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { Outbox } from "../../kernel/Outbox.ts"
import { print } from "./documents.ts"
import { by, json, reason } from "./options.ts"
import { LetterUnknown } from "./refusals.ts"

const position = Argument.String("position").pipe(
  Argument.filter(
    (text) => /^\d{1,18}$/.test(text),
    () => `Expected a position, as "fibric outbox dead" shows it`
  ),
  Argument.withDescription("The letter's place in the outbox, as dead shows it")
)

export const outboxRevive = Command.make(
  "revive",
  { position, json },
  Effect.fn("Cli.outboxRevive")(function* ({ json, position }) {
    const outbox = yield* Outbox
    if (!(yield* outbox.revive(BigInt(position)))) return yield* new LetterUnknown({ position })
    if (json) return yield* print({ position, revived: true })
    yield* Console.log(
      `The letter ${position} waits again, in its old place. It is delivered when its turn comes.`
    )
  })
).pipe(
  Command.withDescription(
    "Put a dead letter back in its place in the outbox, once what kept it from being delivered is mended. What was performed is not performed again."
  ),
  Command.withShortDescription("Put a dead letter back in its place")
)

export const outboxDrop = Command.make(
  "drop",
  { position, by, reason, json },
  Effect.fn("Cli.outboxDrop")(function* ({ by, json, position, reason }) {
    const outbox = yield* Outbox
    if (!(yield* outbox.drop(BigInt(position), by, reason))) return yield* new LetterUnknown({ position })
    if (json) return yield* print({ position, dropped: true })
    yield* Console.log(
      `The letter ${position} was dropped by ${by}. It is never delivered; its payload is gone.`
    )
  })
).pipe(
  Command.withDescription(
    "Give a dead letter up, by name and with a reason, which stay in the database. Nothing is performed, and its key is not spent: the same action may be proposed again."
  ),
  Command.withShortDescription("Give a dead letter up, by name and with a reason")
)
