/**
 * Group: first-time actions with group commit by hand. Claims of all entities share a commit, settlements
 * with their receipts share another, and both are on their way at once.
 */
import * as Batcher from "./Batcher.ts"
import { type Client, connect } from "./Client.ts"
import { receiptId, type Request, token } from "./derive.ts"
import * as Lanes from "./lanes.ts"
import * as Statements from "./statements.ts"

export interface Group {
  /** Claims, performs and settles; the receipt's id once it is durable. */
  readonly act: (request: Request) => Promise<string>
  readonly effects: () => number
  readonly close: () => Promise<void>
}

const claimAll = (client: Client) => async (claims: ReadonlyArray<Statements.Claim>) => {
  const [row] = await client.query(Statements.claimMany, Statements.claimManyValues(claims))
  const claimed = Number(row?.["claimed"])
  if (claimed !== claims.length) throw new Error(`${claims.length - claimed} keys of a batch are taken`)
}

const settleAll = (client: Client) => async (settlements: ReadonlyArray<Statements.Settlement>) => {
  const [row] = await client.query(Statements.settleMany, Statements.settleManyValues(settlements))
  const settled = Number(row?.["settled"])
  if (settled !== settlements.length) throw new Error(`${settlements.length - settled} were not settled`)
}

export const open = (url: string): Group => {
  const claiming = connect(url, 1)
  const settling = connect(url, 1)
  const claims = Batcher.make(claimAll(claiming), 1)
  const settlements = Batcher.make(settleAll(settling), 1)
  const lanes = Lanes.make()
  let effects = 0
  const perform = async () => {
    effects += 1
  }

  const turn = async (request: Request) => {
    const claim = { request, token: token() }
    await claims.add(claim)
    const startedAt = performance.now()
    await perform()
    const durationMillis = Math.round(performance.now() - startedAt)
    const settlement = { ...claim, receiptId: receiptId(), durationMillis }
    await settlements.add(settlement)
    return settlement.receiptId
  }

  return {
    act: (request) => lanes.enter(request.entityHash, () => turn(request)),
    effects: () => effects,
    close: async () => {
      await claiming.close()
      await settling.close()
    }
  }
}
