/**
 * `fibric receipts query`: receipts by what is known of them, a page at a time.
 */
import { Console, Effect, Option } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { maxPage, ReceiptLog } from "../../kernel/ReceiptLog.ts"
import { Seals } from "../../kernel/Seals.ts"
import { print, receiptDocument } from "./documents.ts"
import { filterOf, flags, format, limit } from "./filters.ts"
import { lineOf } from "./receiptLines.ts"

const order = Flag.Literals("order", ["newest", "oldest"]).pipe(
  Flag.withDefault("newest"),
  Flag.withDescription("Which come first, by the order of their commits (default: newest)")
)

const cursor = Flag.String("cursor").pipe(
  Flag.withMetavar("CURSOR"),
  Flag.optional,
  Flag.withDescription(
    "Where the page before ended, as it was told; with the same filter and order. It shows what there was when the first page was read"
  )
)

export const receiptsQuery = Command.make(
  "query",
  { ...flags, order, limit: limit(50, maxPage), cursor, format },
  Effect.fn("Cli.receiptsQuery")(function* ({ cursor, format, limit, order, ...which }) {
    const log = yield* ReceiptLog
    const options = { order, limit, cursor: Option.getOrUndefined(cursor) }
    const { next, receipts } = yield* log.query(filterOf(which), options)
    if (format === "json") return yield* print({ receipts: receipts.map(receiptDocument), next })
    const { chain } = yield* (yield* Seals).head
    yield* Effect.forEach(receipts, (receipt) => Console.log(lineOf(receipt, format, chain)), {
      discard: true
    })
    if (receipts.length === 0) yield* Console.error("There are no such receipts.")
    if (next !== null) yield* Console.error(`There are more; go on with --cursor ${next}`)
  })
).pipe(
  Command.withDescription(
    "List receipts, a page at a time: what was performed, what was prevented, and what was asked for again."
  ),
  Command.withShortDescription("List receipts, a page at a time"),
  Command.withExamples([
    { command: "fibric receipts query --entity order-4471", description: "All that became of one order" },
    {
      command: `fibric receipts query --outcome in_doubt --outcome conflict --since "1 day" --format ndjson`,
      description: "What somebody should look at, for a script"
    }
  ])
)
