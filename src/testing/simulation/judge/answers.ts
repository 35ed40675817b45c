/**
 * answers: what must hold of what askers are told, and of everything when it is over.
 */
import { type Case, unkept } from "./Case.ts"
import type { Answer, Asker } from "./invariants.ts"

/** Ends that nobody who waits may meet: processes are killed here, and never shut down. */
const cutsOff = new Set(["ShuttingDown", "interrupted", "defect"])

export const watch = (on: Case) => {
  const { askers, effects, labelOf, repeats, serverNow, store, violated } = on

  const answered = (asker: Asker, answer: Answer): void => {
    asker.answer = answer
    const { name } = asker
    const told = askers.get(name) ?? []
    if (cutsOff.has(answer.tag) && !asker.hasLeft) violated("NOT_CUT_OFF", `${labelOf(name)}: ${answer.tag}`)
    if (answer.isRecorded) {
      const answers = told.filter((one) => one.answer?.isRecorded === true).length
      const attempts = store.rows.get(name)?.attempts.length ?? 0
      const logged = repeats.get(name) ?? 0
      if (answers > logged + attempts) {
        violated(
          "LOGGED",
          `${labelOf(name)}: ${answers} answers, ${logged} repeats written down, ${attempts} attempts`
        )
      }
    }
    if (answer.success === undefined) return
    const { output, receiptId } = answer.success
    const row = store.rows.get(name)
    const settled = store.receipts.get(receiptId)?.attempt
    const claimedFor = row?.attempts.find(({ attempt }) => attempt === settled)?.fingerprint
    if (claimedFor !== asker.fingerprint || row?.fingerprint !== asker.fingerprint) {
      violated("SAME_ACTION", `${labelOf(name)} was asked for with another payload, and called performed`)
    }
    const happened = effects.get(name) ?? []
    if (happened.length === 0) violated("PERFORMED", `${labelOf(name)} is said to have been performed`)
    const other = told.find((one) => one.answer?.success !== undefined && one !== asker)?.answer?.success
    if (
      other !== undefined &&
      (other.receiptId !== receiptId || JSON.stringify(other.output) !== JSON.stringify(output))
    ) {
      violated("SAME_RECEIPT", `${labelOf(name)}: ${other.receiptId} and ${receiptId}`)
    }
  }

  const end = (isCalm: boolean): void => {
    for (const [name, list] of askers) {
      for (const { answer, hasLeft, isOfLivingProcess } of list) {
        if (answer === undefined && !hasLeft && isOfLivingProcess())
          violated("ANSWERED", `${labelOf(name)} was asked for`)
      }
      const logged = repeats.get(name) ?? 0
      const attempts = store.rows.get(name)?.attempts.length ?? 0
      if (logged > list.length || (isCalm && logged + Math.min(attempts, 1) !== list.length)) {
        violated(
          "COUNTED",
          `${labelOf(name)}: ${list.length} asked, ${logged} repeats written down, ${attempts} attempts`
        )
      }
    }
    for (const [name, row] of store.rows) {
      if (row.state === "performing" || row.callOpen) violated("ENDED", `${labelOf(name)} is still in flight`)
      const isFound =
        row.state === "in_doubt" && row.current.recovery._tag === "Lookup" && row.recoverAtMillis !== null
      const isLate = isFound && (row.recoverAtMillis ?? 0) < serverNow() - 60_000
      if (isLate) violated("ENDED", `${labelOf(name)} is in doubt, and nobody looks`)
    }
    for (const { name } of unkept(on)) {
      violated("TRUTH_KEPT", `${labelOf(name)} is ${store.rows.get(name)?.state ?? "unknown"}`)
    }
  }

  return { answered, end }
}
