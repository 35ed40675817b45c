/**
 * Decision: what an event does to a key, decided from the row as it was read and the table in
 * `Lifecycle`. Pure. A ledger reads, decides, and writes what was decided if the row is still the one
 * that it read; else it reads again.
 */
import * as Recovery from "../../domain/Recovery.ts"
import { type About, aboutOf, holds, sharesPayload, verdictAt } from "./About.ts"
import type { Decision, Event, KeyRow, Plan, Refusal } from "./KeyRow.ts"
import * as Lifecycle from "./Lifecycle.ts"
import { markingsOf } from "./markings.ts"
import { statementOf } from "./statement.ts"

/** What an event does to a key. */
export const decide = (row: KeyRow, event: Event, nowMillis: number): Decision => {
  const about = aboutOf(row, event, nowMillis)
  if (about === undefined) {
    return refuse({ why: event._tag === "Evidence" ? "unknown_token" : "wrong_attempt" })
  }
  const transition = Lifecycle.find(row.state, nameOf(event), (condition) => holds[condition](about))
  if (transition === undefined) return refuse(refusalOf(about))
  const ownCallEnded = event._tag === "Evidence" && about.subject === row.current
  const markings = markingsOf(about, transition.to)
  if (transition.to === "stays" || transition.receipt === null) {
    return {
      _tag: "Keep",
      markings,
      callOpen: row.callOpen && !ownCallEnded,
      plan: isLookAtDoubt(about) ? nextLook(row) : undefined
    }
  }
  const { to } = transition
  return {
    _tag: "Move",
    to,
    statement: statementOf(about, to, transition.receipt),
    stands: transition.receipt !== "duplicate_observed",
    bindsTo: row.state !== "done" && to === "done" ? boundAnew(about) : null,
    leavesLane: row.holdsLane && to !== "in_doubt" && to !== "performing",
    markings,
    callOpen: !ownCallEnded && (row.callOpen || (row.state === "performing" && event._tag !== "Silence")),
    plan: to === "in_doubt" ? planOf(row, nowMillis) : nothingPlanned
  }
}

const boundAnew = ({ row, subject }: About): number | null =>
  sharesPayload(subject, row.current) ? null : subject.attempt

const refuse = (refusal: Refusal): Decision => ({ _tag: "Refuse", refusal })

const evidenceNames = {
  Performed: "success",
  Refused: "refusal",
  NotPerformed: "not_performed",
  Unknown: "unknown"
} as const

const rulingNames = {
  ItHappened: "it_happened",
  Release: "release",
  Abandon: "abandon",
  Reopen: "reopen"
} as const

/** An event's name in the table. */
export const nameOf = (event: Event): Lifecycle.EventName => {
  switch (event._tag) {
    case "Evidence":
      return evidenceNames[event.evidence._tag]
    case "Silence":
      return "silence"
    case "RunEnded":
      return "run_ended"
    case "Lookup":
      return event.found === null ? "nothing_found" : "found"
    case "Ruling":
      return rulingNames[event.ruling._tag]
  }
}

const refusalOf = ({ event, row }: About): Refusal => {
  const early =
    event._tag === "Ruling" &&
    row.state === "in_doubt" &&
    (event.ruling._tag === "Release" || event.ruling._tag === "Abandon")
  return early ? { why: "too_early", notBeforeMillis: verdictAt(row) } : { why: "wrong_state" }
}

const nothingPlanned: Plan = { recoverAfterMillis: null, checkAfterMillis: null, recoveries: 0 }

/** What follows a doubt: the declared recovery, or a person, not before the request can't be on its way any more. */
const planOf = (row: KeyRow, nowMillis: number): Plan => ({
  recoverAfterMillis: row.recoverAfterMillis,
  checkAfterMillis: row.recoverAfterMillis ?? Math.max(0, verdictAt(row) - nowMillis),
  recoveries: row.recoveries
})

/** Whether a lookup has found nothing of the attempt that is in doubt. */
const isLookAtDoubt = ({ event, row, subject }: About): boolean =>
  event._tag === "Lookup" && row.state === "in_doubt" && subject === row.current

const nextLook = (row: KeyRow): Plan => {
  const recoveries = row.recoveries + 1
  const after = Recovery.recoverAfterMillis(row.current.recovery, recoveries)
  return { recoverAfterMillis: after, checkAfterMillis: after, recoveries }
}
