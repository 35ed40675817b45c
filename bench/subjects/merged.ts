/**
 * merged: the baseline of C. On an entity that has more to do, the settlement of one action and the claim of
 * the next are one statement and one commit.
 */
import { connect } from "../hand/Client.ts"
import { derive, receiptId, type Request, token } from "../hand/derive.ts"
import * as Statements from "../hand/statements.ts"
import { settleAndClaim, settleAndClaimValues } from "../hand/merged-statement.ts"
import { type Open, runOf } from "./Subject.ts"

interface Waiting {
  readonly claim: Statements.Claim
  readonly resolve: (receiptId: string) => void
  readonly reject: (error: unknown) => void
}

export const open: Open = async (url) => {
  // One for each entity that is at work; here that is one.
  const client = connect(url, 1)
  const lines = new Map<string, Array<Waiting>>()
  let effects = 0
  const perform = async () => {
    effects += 1
  }

  /** Claims nothing by itself: whoever was before has done that, or `drain` for the first. */
  const act = async (current: Waiting, next: Waiting | undefined) => {
    const startedAt = performance.now()
    await perform()
    const durationMillis = Math.round(performance.now() - startedAt)
    const settlement = { ...current.claim, receiptId: receiptId(), durationMillis }
    const [row] =
      next === undefined
        ? await client.query(Statements.settleOne, Statements.settleOneValues(settlement))
        : await client.query(settleAndClaim, settleAndClaimValues(settlement, next.claim))
    if (row?.["settled"] !== 1) throw new Error(`${current.claim.request.label} could not be settled`)
    if (next !== undefined && row["claimed"] !== 1) throw new Error(`${next.claim.request.label} is taken`)
    current.resolve(settlement.receiptId)
  }

  /** Until nothing waits any more; seeing that and giving the entity up are one step. */
  const drain = async (entity: string, line: Array<Waiting>) => {
    for (let first = line.shift(); first !== undefined; first = line.shift()) {
      const [claimed] = await client.query(Statements.claimOne, Statements.claimOneValues(first.claim))
      if (claimed === undefined) throw new Error(`${first.claim.request.label} is taken`)
      for (let current: Waiting | undefined = first; current !== undefined;) {
        const next = line.shift()
        await act(current, next)
        current = next
      }
    }
    lines.delete(entity)
  }

  const ask = (request: Request) =>
    new Promise<string>((resolve, reject) => {
      const waiting = { claim: { request, token: token() }, resolve, reject }
      const line = lines.get(request.entityHash)
      if (line !== undefined) return void line.push(waiting)
      const own = [waiting]
      lines.set(request.entityHash, own)
      // The run ends with the first error: who else waits is not told.
      drain(request.entityHash, own).catch(reject)
    })

  return {
    run: runOf((wish) => ask(derive(wish))),
    effects: () => effects,
    close: client.close
  }
}
