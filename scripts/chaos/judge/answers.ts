/**
 * answers: whether callers were told the truth, everybody the same, and everything that was answered
 * stands in a receipt.
 */
import type { Asked } from "../Fleet.ts"
import { isRepeat } from "./history.ts"
import { by, type Record } from "./Record.ts"
import type { Violation } from "./Violation.ts"

/** Who was told of a success has to find it in the ledger, and everybody else the same. */
export const lost = ({ asked, receipts, rows }: Record): ReadonlyArray<Violation> => {
  const states = new Map(rows.map(({ key, state }) => [key, state]))
  const byId = new Map(receipts.map((receipt) => [receipt.id, receipt]))
  return [...by(asked, ({ key }) => key)].flatMap(([key, own]): ReadonlyArray<Violation> => {
    const told = own.filter(({ answer }) => answer?.answer === "Performed")
    const ids = [...new Set(told.map(({ answer }) => answer?.receipt ?? "none"))]
    const state = states.get(key) ?? "unknown"
    const found: Array<string> = []
    if (told.length > 0 && state !== "done")
      found.push(`a caller was told that it happened, and it is ${state}`)
    if (ids.length > 1) found.push(`callers were told of the receipts ${ids.join(" and ")}`)
    for (const id of ids) {
      const receipt = byId.get(id)
      if (receipt?.key !== key || (receipt.outcome !== "performed" && receipt.outcome !== "resolved")) {
        found.push(`a caller was told of the receipt ${id}, which is ${receipt?.outcome ?? "not there"}`)
      }
    }
    const isDeclined = own.some(({ answer }) => answer?.answer === "Declined")
    if (isDeclined && state !== "refused" && state !== "done") {
      found.push(`a caller was told of a refusal, and it is ${state}`)
    }
    return found.map((sentence) => ({ name: "LOST", sentence: `${key}: ${sentence}` }))
  })
}

/** Answers that say themselves that nothing was written down. */
const unwritten = new Set(["LedgerUnavailable", "ShuttingDown", "InProgress"])

const isWritten = ({ answer }: Asked): boolean => answer !== undefined && !unwritten.has(answer.answer)

/**
 * By key and by who asked: what was answered is an attempt of its own, or a repeat that was counted; no
 * more are counted than were asked. A resend is an attempt in the name of whoever asked first.
 */
export const unlogged = ({ asked, attempts, receipts }: Record): ReadonlyArray<Violation> => {
  const who = ({ key, operator }: { readonly key: string; readonly operator: string }) =>
    `${key} by ${operator}`
  const counted = by(receipts.filter(isRepeat), who)
  const dispatched = by(attempts, who)
  const askings = by(asked, ({ key, worker }) => who({ key, operator: worker }))
  const sumOf = (name: string) => (counted.get(name) ?? []).reduce((sum, { count }) => sum + count, 0)
  const missing = [...askings].flatMap(([name, own]): ReadonlyArray<Violation> => {
    const answered = own.filter(isWritten).length
    const sum = sumOf(name)
    const attempted = dispatched.get(name)?.length ?? 0
    if (answered <= sum + attempted) return []
    return [
      {
        name: "UNLOGGED",
        sentence: `${name}: ${answered} were answered, ${sum} repeats are counted and ${attempted} attempts were made`
      }
    ]
  })
  const invented = [...counted.keys()].flatMap((name): ReadonlyArray<Violation> => {
    const sum = sumOf(name)
    const own = askings.get(name)?.length ?? 0
    return sum <= own
      ? []
      : [{ name: "UNLOGGED", sentence: `${name}: ${own} were asked and ${sum} repeats are counted` }]
  })
  return [...missing, ...invented]
}
