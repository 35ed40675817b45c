/**
 * naive: two autocommit statements an effect, on a pool of 16 connections. One action of an entity at a
 * time, by a chain of promises.
 */
import { connect } from "../hand/Client.ts"
import { derive, receiptId, token } from "../hand/derive.ts"
import { claimOne, claimOneValues, settleOne, settleOneValues } from "../hand/statements.ts"
import type { Wish } from "../Load.ts"
import { type Open, runOf } from "./Subject.ts"

const connections = 16

export const open: Open = async (url) => {
  const client = connect(url, connections)
  let effects = 0
  const perform = async () => {
    effects += 1
  }

  const ask = async (wish: Wish) => {
    const request = derive(wish)
    const claim = { request, token: token() }
    const [claimed] = await client.query(claimOne, claimOneValues(claim))
    if (claimed === undefined) throw new Error(`${request.label} is taken`)
    const startedAt = performance.now()
    await perform()
    const settlement = {
      ...claim,
      receiptId: receiptId(),
      durationMillis: Math.round(performance.now() - startedAt)
    }
    const [settled] = await client.query(settleOne, settleOneValues(settlement))
    if (settled === undefined) throw new Error(`${request.label} could not be settled`)
    return settlement.receiptId
  }

  return { run: runOf(ask), effects: () => effects, close: client.close }
}
