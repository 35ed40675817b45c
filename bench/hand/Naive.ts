/**
 * Naive: first-time actions with two autocommit statements each, on a pool of 16 connections.
 */
import { type Client, connect } from "./Client.ts"
import { receiptId, type Request, token } from "./derive.ts"
import * as Lanes from "./lanes.ts"
import * as Statements from "./statements.ts"

const connections = 16

export interface Naive {
  readonly client: Client
  /** Claims, performs and settles; the receipt's id once it is durable. */
  readonly act: (request: Request) => Promise<string>
  readonly effects: () => number
}

export const open = (url: string): Naive => {
  const client = connect(url, connections)
  const lanes = Lanes.make()
  let effects = 0
  const perform = async () => {
    effects += 1
  }

  const turn = async (request: Request) => {
    const claim = { request, token: token() }
    const [claimed] = await client.query(Statements.claimOne, Statements.claimOneValues(claim))
    if (claimed === undefined) throw new Error(`${request.label} is taken`)
    const startedAt = performance.now()
    await perform()
    const durationMillis = Math.round(performance.now() - startedAt)
    const settlement = { ...claim, receiptId: receiptId(), durationMillis }
    const [settled] = await client.query(Statements.settleOne, Statements.settleOneValues(settlement))
    if (settled === undefined) throw new Error(`${request.label} could not be settled`)
    return settlement.receiptId
  }

  return {
    client,
    act: (request) => lanes.enter(request.entityHash, () => turn(request)),
    effects: () => effects
  }
}
