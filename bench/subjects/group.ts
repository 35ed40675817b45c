/**
 * group: group commit by hand. Claims of all entities share a commit, and settlements with their receipts
 * share another; both are on their way at once.
 */
import * as Batcher from "../hand/Batcher.ts"
import { type Client, connect } from "../hand/Client.ts"
import { derive, receiptId, token } from "../hand/derive.ts"
import {
  type Claim,
  claimMany,
  claimManyValues,
  settleMany,
  settleManyValues,
  type Settlement
} from "../hand/statements.ts"
import type { Wish } from "../Load.ts"
import { type Open, runOf } from "./Subject.ts"

const claimAll = (client: Client) => async (claims: ReadonlyArray<Claim>) => {
  const [row] = await client.query(claimMany, claimManyValues(claims))
  if (row?.["claimed"] !== claims.length)
    throw new Error(`${claims.length - Number(row?.["claimed"])} are taken`)
}

const settleAll = (client: Client) => async (settlements: ReadonlyArray<Settlement>) => {
  const [row] = await client.query(settleMany, settleManyValues(settlements))
  if (row?.["settled"] !== settlements.length) throw new Error("not all could be settled")
}

export const open: Open = async (url) => {
  const claiming = connect(url, 1)
  const settling = connect(url, 1)
  const claims = Batcher.make(claimAll(claiming), 1)
  const settlements = Batcher.make(settleAll(settling), 1)
  let effects = 0
  const perform = async () => {
    effects += 1
  }

  const ask = async (wish: Wish) => {
    const claim = { request: derive(wish), token: token() }
    await claims.add(claim)
    const startedAt = performance.now()
    await perform()
    const settlement = {
      ...claim,
      receiptId: receiptId(),
      durationMillis: Math.round(performance.now() - startedAt)
    }
    await settlements.add(settlement)
    return settlement.receiptId
  }

  return {
    run: runOf(ask),
    effects: () => effects,
    close: async () => {
      await claiming.close()
      await settling.close()
    }
  }
}
