/**
 * any: the baseline of D. A process that remembers nothing: cold keys are looked up many at a time (`= ANY`),
 * and the receipts of the repeats written many at a time, before they are answered.
 */
import * as Batcher from "../hand/Batcher.ts"
import { type Client, connect } from "../hand/Client.ts"
import { derive, type Request } from "../hand/derive.ts"
import * as Repeats from "../hand/Repeats.ts"
import * as Statements from "../hand/repeat-statements.ts"
import { type Open, runOf } from "./Subject.ts"

/** A key to look up, and where its answer goes. */
interface Look {
  readonly request: Request
  receiptId: string | undefined
}

const findAll = (client: Client) => async (looks: ReadonlyArray<Look>) => {
  const values = Statements.findManyValues(looks.map(({ request }) => request))
  const rows = await client.query(Statements.findMany, values)
  const found = new Map(rows.map((row) => [row["key_hash"], row]))
  for (const look of looks) {
    const row = found.get(look.request.keyHash)
    if (row?.["state"] !== "done") throw new Error(`${look.request.label} is not settled`)
    if (row["fingerprint"] !== look.request.fingerprint)
      throw new Error(`${look.request.label} is another action`)
    look.receiptId = String(row["receipt_id"])
  }
}

export const open: Open = async (url) => {
  const client = connect(url, 1)
  const looks = Batcher.make(findAll(client), 1)
  const repeats = Repeats.open(url)

  const ask = async (request: Request) => {
    const look: Look = { request, receiptId: undefined }
    await looks.add(look)
    const refersTo = look.receiptId ?? ""
    await repeats.record({ request, outcome: "deduplicated", refersTo })
    return refersTo
  }

  return {
    run: runOf((wish) => ask(derive(wish))),
    effects: () => 0,
    close: async () => {
      await client.close()
      await repeats.close()
    }
  }
}
