/**
 * receiptLines: a receipt as a line, for people and for programs.
 */
import { DateTime } from "effect"
import type { Receipt } from "../../domain/Receipt.ts"
import * as Entity from "../../domain/Entity.ts"
import { instant, receiptDocument } from "./documents.ts"
import { cut, printable } from "./Text.ts"

/** What a line is written in. */
export type LineFormat = "text" | "ndjson" | "cloudevents"

/**
 * A receipt as an event in the envelope of CloudEvents 1.0. `source` names the ledger by its chain of seals,
 * and with `id` the event. Everything about the receipt stands in `data`, as `--format json` has it.
 */
export const cloudEvent = (receipt: Receipt, chain: string) => ({
  specversion: "1.0",
  id: receipt.id,
  source: `urn:uuid:${chain}`,
  type: `fibric.receipt.${receipt.outcome}`,
  subject: Entity.label(receipt.entity),
  time: DateTime.formatIso(receipt.at),
  datacontenttype: "application/json",
  data: receiptDocument(receipt)
})

const maxReason = 100

const textLine = (receipt: Receipt): string =>
  [
    instant(receipt.at) ?? "",
    receipt.outcome.padEnd("duplicate_observed".length),
    `×${receipt.count}`.padEnd(6),
    printable(receipt.key),
    `by ${printable(receipt.operator)}`,
    receipt.reason === null ? "" : `(${cut(printable(receipt.reason), maxReason)})`
  ]
    .join("  ")
    .trimEnd()

/**
 * One line, without its end. A stream's lines for programs have the cursor to go on from after each, so that
 * whoever has written one down needs nothing else.
 */
export const lineOf = (receipt: Receipt, format: LineFormat, chain: string, cursor?: string): string => {
  const place = cursor === undefined ? {} : { cursor }
  switch (format) {
    case "text":
      return textLine(receipt)
    case "ndjson":
      return JSON.stringify({ ...receiptDocument(receipt), ...place })
    case "cloudevents":
      return JSON.stringify({ ...cloudEvent(receipt, chain), ...place })
  }
}
