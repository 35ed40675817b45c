/**
 * statement: what the receipt of a transition says.
 */
import { DateTime } from "effect"
import type { Outcome } from "../../domain/Receipt.ts"
import { storable } from "../../domain/Text.ts"
import { type About, isClosed, refusedBeside } from "./About.ts"
import type { Statement } from "./KeyRow.ts"
import type * as Lifecycle from "./Lifecycle.ts"

/** How a receipt begins that says "it happened" against what was said before. */
export const contradiction = "contradicts what was settled: "

/** The receipt's own words: how, why, with what proof, and what it follows. */
export const statementOf = (about: About, to: Lifecycle.State, outcome: Outcome): Statement => {
  const { event, row, subject } = about
  const { body, proof, reason } = wordsOf(about, to)
  const contradicted = to === "done" ? contradictedBy(about) : undefined
  return {
    outcome,
    operator: event._tag === "Ruling" ? event.operator : subject.operator,
    attempt: subject.attempt,
    refersTo: row.receipt?.id ?? null,
    durationMillis: event._tag === "Evidence" ? event.durationMillis : null,
    proof,
    reason:
      contradicted === undefined
        ? reason
        : storable(`${contradiction}${contradicted}${reason === null ? "" : ` (${reason})`}`),
    body
  }
}

/** What was said before and is wrong, as it turns out: of the key, or of an attempt beside a later one. */
const contradictedBy = ({ event, row, subject }: About): string | undefined => {
  if (row.state === "refused" || row.state === "released" || row.state === "abandoned") {
    return `the key was ${row.state}`
  }
  return (event._tag === "Evidence" || event._tag === "Lookup") && isClosed(subject)
    ? `attempt ${subject.attempt} was taken for not performed`
    : undefined
}

type Words = Pick<Statement, "body" | "proof" | "reason">

const words = (reason: string | null, body: string | null = null, proof: Words["proof"] = null): Words => ({
  body,
  proof,
  reason
})

const wordsOf = (about: About, to: Lifecycle.State): Words => {
  const { event, row, nowMillis } = about
  switch (event._tag) {
    case "Evidence":
      return evidenceWords(about, to)
    case "RunEnded":
      return words(row.receipt?.reason ?? null, null, "steps_recorded")
    case "Silence": {
      if (row.current.recovery._tag === "Replay" && to === "released") {
        return words(row.receipt?.reason ?? null, null, "steps_recorded")
      }
      const reason =
        row.doubtAtMillis <= nowMillis
          ? "no outcome was recorded in time"
          : "its worker was not heard of again"
      return words(reason, null, to === "released" ? "rolled_back" : null)
    }
    case "Lookup":
      return event.found === null
        ? words(
            `a lookup that started at ${DateTime.formatIso(DateTime.makeUnsafe(event.startedAtMillis))} found nothing`,
            null,
            "testimony"
          )
        : words("the provider was asked, and has it", event.found.body)
    case "Ruling":
      return event.ruling._tag === "ItHappened"
        ? words(event.reason, event.ruling.body)
        : words(event.reason, null, event.ruling._tag === "Release" ? "testimony" : null)
  }
}

const evidenceWords = (about: About, to: Lifecycle.State): Words => {
  const { event } = about
  if (event._tag !== "Evidence") return words(null)
  const { evidence } = event
  switch (evidence._tag) {
    case "Performed":
      return words(null, evidence.body)
    case "Refused":
      return to === "refused"
        ? words(null, evidence.body)
        : words("this attempt was refused, but an earlier one may have been performed")
    case "NotPerformed":
      if (to === "refused") {
        return words("an earlier attempt was refused", refusedBeside(about)?.refusal ?? null)
      }
      return to === "released"
        ? words(evidence.reason, null, evidence.proof)
        : words(
            storable(`this attempt was not performed (${evidence.reason}), but an earlier one may have been`)
          )
    case "Unknown":
      return words(evidence.reason, null, to === "released" ? "rolled_back" : null)
  }
}
