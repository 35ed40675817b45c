/**
 * rows: what must hold of the ledger's rows whenever a statement has landed.
 */
import { hex } from "../../../domain/Digest.ts"
import { isAlive, type Row, type Store } from "../../../kernel/ledger-memory/Store.ts"
import type { Statement } from "../../../kernel/LedgerMemory.ts"
import type { Case } from "./Case.ts"

const repeatOutcomes = new Set([
  "deduplicated",
  "joined",
  "conflict",
  "superseded",
  "expired",
  "saturated",
  "denied"
])

/** The statements that must keep to the order of those who wait. */
const claims = new Set(["claim", "settleAndClaim"])

/** Looks at the ledger before a statement lands, and after it. */
export const watch = (on: Case) => {
  const {
    claimedAt,
    effects,
    labelOf,
    lookedUpAt,
    now,
    onWord,
    repeats,
    ruled,
    seen,
    serverNow,
    store,
    violated
  } = on
  const changes = new Map<string, number>()
  let receiptsSeen = 0
  let tickets: Store["tickets"] | undefined

  const before = ({ name }: Statement): void => {
    tickets = claims.has(name) ? new Map(store.tickets) : undefined
  }

  const after = (statement: Statement): void => {
    let isChanged = false
    for (const [name, row] of store.rows) {
      const last = seen.get(name)
      if (last === row) continue
      seen.set(name, row)
      isChanged = true
      moved(name, last, row, statement)
    }
    countRepeats()
    if (isChanged) lanes()
  }

  const moved = (name: string, last: Row | undefined, row: Row, statement: Statement): void => {
    const isNewAttempt = last?.current.attempt !== row.current.attempt
    if (isNewAttempt) claimed(name, last, row, statement)
    if (last?.state === "done" && row.state !== "done")
      violated("DONE_STAYS", `${labelOf(name)} became ${row.state}`)
    if (row.state === "done" && last?.state !== "done") {
      const { basis } = row
      if (basis !== null && basis.becomes !== null) {
        const entity = hex(row.key.entityHash)
        changes.set(entity, (changes.get(entity) ?? 0) + 1)
        const version = store.entities.get(entity)?.version ?? 0
        if (version !== changes.get(entity)) {
          violated("STATE", `${row.key.label}: version ${version} after ${changes.get(entity)} changes`)
        }
      }
    }
    if (!isNewAttempt && last !== undefined && last.state !== row.state && row.receipt === last.receipt) {
      violated("ONE_RECEIPT", `${labelOf(name)} went from ${last.state} to ${row.state} without a receipt`)
    }
    for (const { attempt, evidence } of row.attempts) {
      if (evidence !== "not_performed" && evidence !== "refused") continue
      if ((effects.get(name) ?? []).some((one) => one.attempt === attempt)) {
        violated("PROVEN_NONE", `${labelOf(name)}, attempt ${attempt}, is marked ${evidence}`)
      }
    }
    if (row.attempts.some(({ evidence }) => evidence === "testimony")) onWord.add(name)
    const { recovery } = row.current
    const isByLookup = recovery._tag === "Lookup" && row.receipt?.proof === "testimony" && !ruled.has(name)
    if (isByLookup && row.state === "released" && last?.state === "in_doubt") {
      const declared = Math.max(row.verdictAfterMillis, recovery.releaseAfterMillis ?? Infinity)
      const notBefore = (claimedAt.get(`${name} ${row.current.attempt}`) ?? 0) + declared
      const lookedUp = lookedUpAt.get(name) ?? 0
      // Its clock and the simulation's differ by what it has jumped.
      if (lookedUp < notBefore && on.jumpedAt < 0)
        violated("WORD_IN_TIME", `${labelOf(name)} was looked up ${notBefore - lookedUp} ms too early`)
    }
  }

  const claimed = (name: string, last: Row | undefined, row: Row, statement: Statement): void => {
    claimedAt.set(`${name} ${row.current.attempt}`, now())
    if (last !== undefined && last.state !== "released") {
      const { recovery } = last.current
      const first = last.attempts.find(
        ({ evidence, generation }) => generation === last.current.generation && evidence !== "not_performed"
      )
      const isDeclared =
        last.state === "in_doubt" &&
        recovery._tag === "Resend" &&
        statement.name === "resend" &&
        serverNow() < (first ?? last.current).claimedAtMillis + recovery.windowMillis &&
        last.attempts.length <
          recovery.attempts + last.attempts.filter(({ evidence }) => evidence === "not_performed").length
      if (!isDeclared)
        violated("NO_RE_ARM", `${labelOf(name)} was ${last.state} and became attempt ${row.current.attempt}`)
    }
    if (last?.state === "released") {
      const open = last.attempts.find(
        ({ evidence }) => evidence !== "not_performed" && evidence !== "refused" && evidence !== "testimony"
      )
      if (open !== undefined) {
        violated(
          "NO_RE_ARM",
          `${labelOf(name)}: attempt ${open.attempt} is open (${open.evidence ?? "silent"})`
        )
      }
    }
    if (row.basis !== null && statement.name !== "resend") {
      const version = store.entities.get(hex(row.key.entityHash))?.version ?? 0
      if (version !== row.basis.version) {
        violated("STATE", `${labelOf(name)} was claimed on version ${row.basis.version}, it is at ${version}`)
      }
    }
    const first = tickets?.get(row.lane)?.find(({ worker }) => isAlive(store, worker, serverNow()))
    if (first !== undefined && first.worker !== row.worker) {
      violated("TURN_ORDER", `${labelOf(name)} overtook a worker that waits`)
    }
  }

  /** What the indexes say on Postgres. */
  const lanes = (): void => {
    const flights = new Map<string, string>()
    const holders = new Map<string, string>()
    for (const [name, row] of store.rows) {
      const isFlying = row.state === "performing" || row.callOpen
      const holds =
        (row.state === "performing" || (row.state === "in_doubt" && row.doubtHoldsLane)) && !row.passedDoubt
      if (isFlying) one(flights, row.lane, name, "in flight")
      if (holds) one(holders, row.lane, name, "holding the lane")
    }
  }

  const one = (known: Map<string, string>, lane: string, name: string, what: string): void => {
    const other = known.get(lane)
    if (other !== undefined) violated("ONE_IN_FLIGHT", `${labelOf(name)} and ${labelOf(other)} are ${what}`)
    known.set(lane, name)
  }

  const countRepeats = (): void => {
    const { size } = store.receipts
    if (size === receiptsSeen) return
    let index = 0
    for (const [id, receipt] of store.receipts) {
      if (index++ < receiptsSeen || !repeatOutcomes.has(receipt.outcome)) continue
      const key = store.receiptKeys.get(id)
      if (key === undefined) continue
      const name = hex(key.hash)
      repeats.set(name, (repeats.get(name) ?? 0) + receipt.count)
    }
    receiptsSeen = size
  }

  return { before, after }
}
