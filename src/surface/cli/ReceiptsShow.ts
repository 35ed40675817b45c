/**
 * `fibric receipts show`: all that one receipt says.
 */
import { Console, Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Entity from "../../domain/Entity.ts"
import type { Receipt } from "../../domain/Receipt.ts"
import { ReceiptLog } from "../../kernel/ReceiptLog.ts"
import { instant, print, receiptDocument } from "./documents.ts"
import { json } from "./options.ts"
import { ReceiptUnknown } from "./refusals.ts"
import { fields } from "./Text.ts"

const id = Argument.String("id").pipe(Argument.withDescription("The receipt's id, a UUID"))

export const receiptsShow = Command.make(
  "show",
  { id, json },
  Effect.fn("Cli.receiptsShow")(function* ({ id, json }) {
    const log = yield* ReceiptLog
    const receipt = yield* log.byId(id)
    if (receipt === undefined) return yield* new ReceiptUnknown({ id })
    if (json) return yield* print(receiptDocument(receipt))
    yield* Effect.forEach(fields(factsOf(receipt)), (line) => Console.log(line), { discard: true })
  })
).pipe(Command.withDescription("Show one receipt, its body included."))

const factsOf = (receipt: Receipt): ReadonlyArray<readonly [string, string]> => {
  const facts: ReadonlyArray<readonly [string, string | null]> = [
    ["id", receipt.id],
    ["at", instant(receipt.at)],
    ["outcome", receipt.outcome],
    ["count", String(receipt.count)],
    ["key", receipt.key],
    ["entity", Entity.label(receipt.entity)],
    ["capability", receipt.capability],
    ["operator", receipt.operator],
    ["attempt", String(receipt.attempt)],
    ["refers to", receipt.refersTo],
    ["duration", receipt.durationMillis === null ? null : `${receipt.durationMillis} ms`],
    ["proof", receipt.proof],
    ["reason", receipt.reason],
    ["safe to retry", receipt.safeToRetry ? "yes" : "no"],
    ["check after", instant(receipt.checkAfter)],
    ["body", receipt.body]
  ]
  return facts.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))
}
