/**
 * together: the statements for many rows over the store, as they land there in one step. What can't be done
 * with the others is left to go alone, as it is by a database.
 */
import { Effect } from "effect"
import type { Statements } from "../GroupCommit.ts"
import type { Ledger } from "../Ledger.ts"
import type { Carrier } from "../LedgerMemory.ts"
import { settleAndClaimIn } from "./along.ts"
import { claimIn } from "./claims.ts"
import { othersWait } from "./line.ts"
import { entryOf } from "./reading.ts"
import { hex } from "../../domain/Digest.ts"
import { type Store } from "./Store.ts"
import { settleIn } from "./transitions.ts"

/** The statements of a process that reaches the store in its own way; `alone` are those for one row. */
export const statementsIn = (
  store: Store,
  { carry }: Pick<Carrier, "carry">,
  alone: Ledger["Service"]
): Statements => ({
  findAll: (keys) =>
    carry({ name: "find", keys }, () => keys.map(({ hash }) => entryOf(store.rows.get(hex(hash))))),
  claimAll: (claims) =>
    carry({ name: "claim", keys: claims.map(({ key }) => key) }, (now) =>
      claims.map((claim) => {
        const verdict = othersWait(store, claim, now) ? undefined : claimIn(store, claim, now)
        return verdict?._tag === "Claimed" ? verdict : undefined
      })
    ),
  claim: alone.claim,
  settleAll: (endings, sought) =>
    carry(
      {
        name: endings.some(({ next }) => next !== undefined) ? "settleAndClaim" : "settle",
        keys: endings.map(({ settlement }) => settlement.key)
      },
      (now) => ({
        areNew: !sought.some(({ hash }) => store.rows.has(hex(hash))),
        ended: endings.map(({ next, settlement }) => {
          const row = store.rows.get(hex(settlement.key.hash))
          const isUsual = row?.state === "performing" && row.current.token === settlement.token
          if (!isUsual || settlement.evidence._tag === "Unknown") return undefined
          return next === undefined
            ? { applied: settleIn(store, settlement, now), claimed: undefined }
            : settleAndClaimIn(store, settlement, next, now)
        })
      })
    ),
  settle: ({ next, settlement }) =>
    next === undefined
      ? Effect.map(alone.settle(settlement), (applied) => ({ applied, claimed: undefined }))
      : alone.settleAndClaim(settlement, next)
})
