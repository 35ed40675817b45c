/**
 * markings: what an event teaches about the key's attempts. Evidence that is there is not weakened by
 * what comes later.
 */
import { type About, isClosed, isPositive } from "./About.ts"
import type { AttemptRecord, Mark, Marking } from "./KeyRow.ts"
import type * as Lifecycle from "./Lifecycle.ts"

/** The evidence to keep, given where the key goes. */
export const markingsOf = (about: About, to: Lifecycle.State | "stays"): ReadonlyArray<Marking> => {
  const { event, others, row, subject } = about
  const mark = (attempt: AttemptRecord, evidence: Mark): ReadonlyArray<Marking> => [
    { attempt: attempt.attempt, evidence, refusal: null, effectId: attempt.effectId }
  ]
  switch (event._tag) {
    case "Evidence":
      return evidenceMarkings(about, to)
    case "Silence":
    case "RunEnded":
      return to === "released" ? mark(subject, "not_performed") : []
    case "Lookup":
      if (event.found !== null && !isPositive(subject)) {
        return [
          { attempt: subject.attempt, evidence: "attested", refusal: null, effectId: event.found.effectId }
        ]
      }
      return to === "released"
        ? [subject, ...others]
            .filter((attempt) => !isClosed(attempt))
            .flatMap((open) => mark(open, "testimony"))
        : []
    case "Ruling":
      switch (event.ruling._tag) {
        case "ItHappened":
          return mark(subject, "attested")
        case "Release":
          return row.attempts
            .filter((attempt) => !isClosed(attempt))
            .flatMap((open) => mark(open, "testimony"))
        case "Abandon":
          return []
        case "Reopen":
          // The refusal has had its say; it must not settle the key once more.
          return row.attempts
            .filter(({ evidence }) => evidence === "refused")
            .flatMap((refused) => mark(refused, "not_performed"))
      }
  }
}

/** What a call's end says about its attempt. */
const evidenceMarkings = (about: About, to: Lifecycle.State | "stays"): ReadonlyArray<Marking> => {
  const { event, others, subject } = about
  if (event._tag !== "Evidence") return []
  const { evidence } = event
  const { attempt } = subject
  switch (evidence._tag) {
    case "Performed":
      return [
        { attempt, evidence: "performed", refusal: null, effectId: evidence.effectId ?? subject.effectId }
      ]
    case "Refused": {
      if (isPositive(subject)) return []
      const refused = { evidence: "refused", refusal: evidence.body, effectId: null } as const
      // A replayed answer is the answer to every attempt under the key.
      const answered = to === "refused" ? others.filter((other) => !isClosed(other)) : []
      return [subject, ...answered].map((one) => ({ attempt: one.attempt, ...refused }))
    }
    case "NotPerformed":
      if (isPositive(subject) || subject.evidence === "refused") return []
      return [{ attempt, evidence: "not_performed", refusal: null, effectId: null }]
    case "Unknown":
      if (subject.evidence !== null) return []
      return [
        { attempt, evidence: to === "released" ? "not_performed" : "unknown", refusal: null, effectId: null }
      ]
  }
}
