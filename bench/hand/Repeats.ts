/**
 * Repeats: receipts of what was asked before, by hand. While a batch is on its way what comes next gathers,
 * and alike repeats of one key in it are one receipt with their count.
 */
import * as Batcher from "./Batcher.ts"
import { type Client, connect } from "./Client.ts"
import { receiptId, type Request } from "./derive.ts"
import * as Statements from "./repeat-statements.ts"

/** One repeat, and the receipt that it is answered with. */
export interface Repeat {
  readonly request: Request
  readonly outcome: Statements.Outcome
  readonly refersTo: string
}

export interface Repeats {
  /** Resolves when the repeat's receipt is durable. */
  readonly record: (repeat: Repeat) => Promise<void>
  readonly close: () => Promise<void>
}

const folded = (repeats: ReadonlyArray<Repeat>): ReadonlyArray<Statements.Repeats> => {
  const rows = new Map<string, { -readonly [Name in keyof Statements.Repeats]: Statements.Repeats[Name] }>()
  for (const repeat of repeats) {
    const name = repeat.request.keyHash + repeat.outcome
    const row = rows.get(name)
    if (row === undefined) rows.set(name, { ...repeat, count: 1, receiptId: receiptId() })
    else row.count += 1
  }
  return [...rows.values()]
}

const recordAll = (client: Client) => async (repeats: ReadonlyArray<Repeat>) => {
  await client.query(Statements.recordMany, Statements.recordManyValues(folded(repeats)))
}

export const open = (url: string): Repeats => {
  const client = connect(url, 1)
  const batcher = Batcher.make(recordAll(client), 1)
  return { record: batcher.add, close: client.close }
}
