/**
 * `fibric receipts tail`: receipts as they come, each once.
 */
import { Console, Effect, Option, Schema, Stream } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { Change } from "../../domain/ReceiptFilter.ts"
import { Seals } from "../../kernel/Seals.ts"
import { tail } from "../../kernel/Tail.ts"
import { filterOf, flags } from "./filters.ts"
import { lineOf } from "./receiptLines.ts"

const from = Flag.String("from").pipe(
  Flag.withMetavar("PLACE"),
  Flag.withDefault("now"),
  Flag.withDescription("now, start, or the cursor of the last one that was read (default: now)")
)

const count = Flag.Int("count").pipe(
  Flag.withMetavar("N"),
  Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  Flag.optional,
  Flag.withDescription(
    "End after so many, and tell the cursor to go on from; else it goes on until it is ended"
  )
)

const format = Flag.Literals("format", ["text", "ndjson", "cloudevents"]).pipe(
  Flag.withDefault("text"),
  Flag.withDescription(
    "text; ndjson, a document a line; cloudevents, the same in the envelope of CloudEvents 1.0"
  )
)

export const receiptsTail = Command.make(
  "tail",
  { ...flags, from, count, format },
  Effect.fn("Cli.receiptsTail")(function* ({ count, format, from, ...which }) {
    const { chain } = yield* (yield* Seals).head
    const changes = tail({ from, filter: filterOf(which) })
    const bounded = Option.match(count, {
      onNone: () => changes,
      onSome: (most) => Stream.take(changes, most)
    })
    let last: string | undefined
    // Printed and remembered in one step: whoever goes on skips nothing and has nothing twice.
    const print = ({ cursor, receipt }: Change) =>
      Effect.uninterruptible(
        Effect.andThen(
          Console.log(lineOf(receipt, format, chain, cursor)),
          Effect.sync(() => {
            last = cursor
          })
        )
      )
    yield* Stream.runForEach(bounded, print).pipe(
      // Also where it is ended with Ctrl-C.
      Effect.ensuring(
        Effect.suspend(() => (last === undefined ? Effect.void : Console.error(`To go on: --from ${last}`)))
      )
    )
  })
).pipe(
  Command.withDescription(
    "Print receipts as they come, in the order of their commits. A line for programs has the cursor to go on from after it. None is skipped and none comes twice; one that is written while an older transaction is still open comes when that has ended."
  ),
  Command.withShortDescription("Print receipts as they come"),
  Command.withExamples([
    { command: "fibric receipts tail --entity order-4471", description: "Watch one order" },
    {
      command: "fibric receipts tail --from start --format cloudevents",
      description: "Export everything, and go on"
    }
  ])
)
