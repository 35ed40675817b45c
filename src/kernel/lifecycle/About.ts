/**
 * About: an event beside the attempt that it speaks of, and which of the table's conditions hold for it.
 */
import type * as Recovery from "../../domain/Recovery.ts"
import type { AttemptRecord, Event, KeyRow } from "./KeyRow.ts"
import type * as Lifecycle from "./Lifecycle.ts"

export interface About {
  readonly row: KeyRow
  readonly event: Event
  readonly subject: AttemptRecord
  /** The attempts that the same provider key stands for, besides the subject. */
  readonly others: ReadonlyArray<AttemptRecord>
  readonly nowMillis: number
}

/** The event beside its attempt, or `undefined` where the key has no such attempt. */
export const aboutOf = (row: KeyRow, event: Event, nowMillis: number): About | undefined => {
  const subject = subjectOf(row, event)
  return subject && { row, event, subject, others: othersOf(row, subject), nowMillis }
}

const subjectOf = (row: KeyRow, event: Event): AttemptRecord | undefined => {
  switch (event._tag) {
    case "Evidence":
      return row.attempts.find(({ token }) => token === event.token)
    case "Ruling":
    case "RunEnded":
      return row.current.attempt === event.attempt ? row.current : undefined
    case "Lookup":
      return row.attempts.find(({ attempt }) => attempt === event.attempt)
    case "Silence":
      return row.current
  }
}

const othersOf = ({ attempts, current }: KeyRow, subject: AttemptRecord): ReadonlyArray<AttemptRecord> =>
  attempts.filter((attempt) => attempt !== subject && attempt.generation === current.generation)

/** Whether nothing can be expected of an attempt any more: proof, or somebody's word for it. */
export const isClosed = ({ evidence }: AttemptRecord): boolean =>
  evidence === "refused" || evidence === "not_performed" || evidence === "testimony"

export const isPositive = ({ evidence }: AttemptRecord): boolean =>
  evidence === "performed" || evidence === "attested"

/** Whether two attempts were claimed for the same, as far as that is known. */
export const sharesPayload = (one: AttemptRecord, other: AttemptRecord): boolean =>
  one.fingerprint === null || other.fingerprint === null || one.fingerprint === other.fingerprint

/** The attempt beside the subject that was refused, and for the same payload. */
export const refusedBeside = ({ others, subject }: About): AttemptRecord | undefined =>
  others.find((other) => other.evidence === "refused" && sharesPayload(other, subject))

/** Whether a condition of the table holds. */
export const holds: Readonly<Record<Lifecycle.Condition, (about: About) => boolean>> = {
  current: ({ row, subject }) => subject === row.current,
  othersProven: ({ others }) => others.every(isClosed),
  replayed: ({ others, row, subject, nowMillis }) =>
    others.every((other) => isClosed(other) || sharesPayload(other, subject)) &&
    subject.generation === row.current.generation &&
    subject.recovery._tag === "Resend" &&
    subject.recovery.replays &&
    nowMillis < windowEnd(row, subject.recovery),
  refusedBefore: (about) => refusedBeside(about) !== undefined,
  transactional: ({ row }) => row.current.recovery._tag === "Transactional",
  stepsClosed: ({ row }) => row.current.recovery._tag === "Replay" && row.openSteps === 0,
  // Whether a new attempt may begin is decided by `NextAttempt`, which knows the claim.
  windowOpen: () => false,
  enough: ({ event, row }) => {
    const { recovery, claimedAtMillis } = row.current
    return (
      event._tag === "Lookup" &&
      recovery._tag === "Lookup" &&
      recovery.releaseAfterMillis !== null &&
      event.startedAtMillis >= claimedAtMillis + Math.max(recovery.releaseAfterMillis, row.verdictAfterMillis)
    )
  },
  lateOrForced: ({ event, nowMillis, row }) =>
    event._tag === "Ruling" && (event.force || nowMillis >= verdictAt(row)),
  anotherEffect: (about) => isAnotherEffect(about)
}

/** From when on "it did not happen" is no longer too early to say. */
export const verdictAt = (row: KeyRow): number => row.current.claimedAtMillis + row.verdictAfterMillis

/**
 * When the provider may begin to forget our key: counted from the first attempt that may have reached
 * it. Somebody's word that it did not happen, or a refusal, does not say that it never arrived.
 */
export const windowEnd = (
  row: Pick<KeyRow, "attempts" | "current">,
  { marginMillis, windowMillis }: Recovery.Resend
): number => {
  const first = row.attempts.find(
    ({ evidence, generation }) => generation === row.current.generation && evidence !== "not_performed"
  )
  return (first ?? row.current).claimedAtMillis + windowMillis - marginMillis
}

/**
 * Two attempts that happened are two effects, unless the provider calls them by one name, or promised
 * to recognise the key that they share.
 */
const isAnotherEffect = ({ event, row, subject }: About): boolean => {
  const known = row.attempts.filter(isPositive)
  const effectId = effectIdIn(event)
  const named = known.filter((attempt) => attempt.effectId !== null)
  if (effectId !== null && named.length > 0) return !named.some((attempt) => attempt.effectId === effectId)
  const other = known.find((attempt) => attempt !== subject && attempt.evidence === "performed")
  if (other === undefined || event._tag !== "Evidence" || subject.evidence === "performed") return false
  const recognised =
    other.generation === subject.generation &&
    subject.recovery._tag === "Resend" &&
    Math.max(other.claimedAtMillis, subject.claimedAtMillis) < windowEnd(row, subject.recovery)
  return !recognised
}

const effectIdIn = (event: Event): string | null => {
  if (event._tag === "Lookup") return event.found?.effectId ?? null
  return event._tag === "Evidence" && event.evidence._tag === "Performed" ? event.evidence.effectId : null
}
