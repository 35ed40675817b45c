/**
 * Conclusion: what a request's way through the corridor came to, and how those who asked for the
 * same meanwhile are written down.
 */
import { type DateTime, Result } from "effect"
import { NotPerformed } from "../domain/connector-errors.ts"
import * as Entity from "../domain/Entity.ts"
import {
  Abandoned,
  InDoubt,
  KeyConflict,
  type LedgerUnavailable,
  type ShuttingDown,
  Unfinished
} from "../domain/errors.ts"
import type { Unsettled } from "../domain/execute-error.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import { Expired, GuardFailed, LaneBusy, LaneHeld, Saturated, Superseded } from "../domain/lane-errors.ts"
import type { Receipt } from "../domain/Receipt.ts"
import { storable } from "../domain/Text.ts"
import type { Ask } from "./Ask.ts"
import type { Entry, LaneHolder } from "./Ledger.ts"
import type { MailboxFull } from "./Lanes.ts"
import { standsOnNothing, type Unrecorded } from "./Recorder.ts"

/**
 * How far a request has come, kept where its flight can see it. `dispatched` is set before its claim
 * is sent, and unset when the ledger has said no: while it is set, the effect may happen.
 */
export interface Progress {
  dispatched: boolean
}

/** The end of a request: the settling receipt, or why there is none. */
export interface Conclusion {
  readonly _tag: "Concluded"
  readonly answer: Result.Result<Receipt, Unsettled>
  /** Whether the request that led has a receipt of its own already: it was the one dispatched. */
  readonly leaderRecorded: boolean
  /** How everybody else is written down. Absent where the ledger was not reached. */
  readonly repeat: Omit<Unrecorded, "key" | "operator" | "count"> | undefined
}

/**
 * The answer that a key's row gives without any dispatch: settled, in doubt, released while we waited
 * for it, or bound to another payload.
 */
export const fromEntry = (
  ask: Ask,
  entry: Entry,
  options: { readonly pathSecret: string; readonly joined: boolean; readonly dispatched: boolean }
): Conclusion => {
  if (entry.fingerprint !== ask.fingerprint) return conflict(ask, entry, options)
  const { receipt } = entry
  if (receipt === null) throw new Error(`Bug: a key that is ${entry.state} has no receipt`)
  const { dispatched, joined, pathSecret } = options
  const shares = joined || dispatched
  return settledBy(ask, receipt, {
    // Its own attempt, settled by somebody else (a reaper, a person), has its receipt.
    leaderRecorded: dispatched,
    outcome: shares ? "joined" : "deduplicated",
    reason: shares ? null : contentDrift(ask, entry, pathSecret),
    checkAfter: entry.checkAfter
  })
}

/** The attempt that this request dispatched has ended and its outcome is recorded. */
export const fromSettlement = (ask: Ask, receipt: Receipt): Conclusion =>
  settledBy(ask, receipt, {
    leaderRecorded: true,
    outcome: "joined",
    reason: null,
    checkAfter: receipt.checkAfter
  })

/** The answer of a key that is done and remembered, in the same words. */
export const fromMemory = (ask: Ask, receipt: Receipt): Conclusion =>
  settledBy(ask, receipt, {
    leaderRecorded: false,
    outcome: "deduplicated",
    reason: null,
    checkAfter: null
  })

/** Whether the attempt of this request has ended with proof that nothing was performed. */
export const isReleased = ({ answer, leaderRecorded }: Conclusion): boolean =>
  leaderRecorded &&
  Result.isFailure(answer) &&
  (answer.failure._tag === "NotPerformed" || answer.failure._tag === "Unfinished")

const settledBy = (
  ask: Ask,
  receipt: Receipt,
  others: {
    readonly leaderRecorded: boolean
    readonly outcome: "joined" | "deduplicated"
    readonly reason: string | null
    readonly checkAfter: DateTime.Utc | null
  }
): Conclusion => ({
  _tag: "Concluded",
  answer: answerOf(ask, receipt, others.checkAfter),
  leaderRecorded: others.leaderRecorded,
  repeat: {
    outcome: others.outcome,
    attempt: receipt.attempt,
    refersTo: receipt.id,
    // Only done is for good. Who has joined shares what the flight came to, whatever is said of it later.
    onlyIfStands: others.outcome === "deduplicated" && !isDone(receipt),
    reason: others.reason
  }
})

/** The same action in other words than the key was claimed with: what was performed said something else. */
const contentDrift = ({ content }: Ask, entry: Entry, pathSecret: string): string | null => {
  if (content.length === 0) return null
  const paths = Fingerprint.rewordedPaths(entry.paths, Fingerprint.contentHashes(content, pathSecret))
  return paths.length === 0 ? null : storable(`content drift at ${paths.join(", ")}`)
}

/** Whether a receipt stands for ever. */
const isDone = ({ outcome }: Receipt): boolean => outcome === "performed" || outcome === "resolved"

const answerOf = (ask: Ask, receipt: Receipt, checkAfter: DateTime.Utc | null): Conclusion["answer"] => {
  switch (receipt.outcome) {
    case "performed":
    case "resolved":
    case "refused":
      return Result.succeed(receipt)
    case "abandoned":
      return Result.fail(new Abandoned({ key: ask.key.label, receipt }))
    case "released":
    case "reopened":
      if (receipt.proof === "steps_recorded") {
        const reason = receipt.reason ?? "no outcome was recorded"
        return Result.fail(new Unfinished({ key: ask.key.label, reason, receipt }))
      }
      return Result.fail(
        new NotPerformed({
          // A refusal that was reopened has no proof of its own: the provider had denied it.
          proof: receipt.proof ?? "provider_denies",
          reason: receipt.reason ?? "no reason was recorded"
        })
      )
    case "in_doubt":
      return Result.fail(inDoubt(ask, receipt, checkAfter))
    case "duplicate_observed":
    case "deduplicated":
    case "joined":
    case "conflict":
    case "superseded":
    case "denied":
    case "expired":
    case "saturated":
      throw new Error(`Bug: the receipt ${receipt.id} (${receipt.outcome}) settles nothing`)
  }
}

/** Another action of the entity is in doubt and keeps the lane. */
export const laneHeld = (ask: Ask, verdict: LaneHolder): Conclusion =>
  turnedAway(
    new LaneHeld({
      key: ask.key.label,
      entity: Entity.label(ask.key.entity),
      heldBy: verdict.key,
      since: verdict.since,
      checkAfter: verdict.checkAfter
    }),
    { outcome: "denied", refersTo: null, reason: `lane held by ${verdict.key}` }
  )

/** Another action of the entity is in flight, and this one does not wait. */
export const laneBusy = (ask: Ask): Conclusion =>
  turnedAway(new LaneBusy({ key: ask.key.label, entity: Entity.label(ask.key.entity) }), {
    outcome: "denied",
    refersTo: null,
    reason: "lane busy"
  })

/** It is not wanted any more. */
export const superseded = (ask: Ask, reason: string, version: number | null): Conclusion =>
  turnedAway(new Superseded({ key: ask.key.label, reason, version }), {
    outcome: "superseded",
    refersTo: null,
    reason
  })

/** Nobody can tell whether it is still wanted. */
export const guardFailed = (ask: Ask, reason: string): Conclusion =>
  turnedAway(new GuardFailed({ key: ask.key.label, reason }), { outcome: "denied", refersTo: null, reason })

/** The program that it is a step of is over: it was not claimed. */
export const rootEnded = (): Conclusion => {
  const reason = "the program that it is a step of is over"
  return turnedAway(new NotPerformed({ proof: "never_started", reason }), {
    outcome: "denied",
    refersTo: null,
    reason
  })
}

/** The mailbox is at its bound. */
export const saturated = (ask: Ask, { capacity }: MailboxFull): Conclusion => {
  const { entity, label } = ask.key
  return turnedAway(new Saturated({ key: label, entity: Entity.label(entity), capacity }), {
    outcome: "saturated",
    refersTo: null,
    reason: null
  })
}

/** The process is at its bound. */
export const processSaturated = (ask: Ask, capacity: number): Conclusion =>
  turnedAway(new Saturated({ key: ask.key.label, entity: null, capacity }), {
    outcome: "saturated",
    refersTo: null,
    reason: "too much under way in this process"
  })

/** It waited longer than it is valid. */
export const expired = (ask: Ask, waitedMillis: number): Conclusion =>
  turnedAway(new Expired({ key: ask.key.label, waitedMillis: Math.round(waitedMillis) }), {
    outcome: "expired",
    refersTo: null,
    reason: null
  })

/** The ledger did not confirm, or the runtime is closing: nothing is written, for nothing can be. */
export const unrecorded = (error: LedgerUnavailable | ShuttingDown): Conclusion =>
  turnedAway(error, undefined)

const conflict = (
  ask: Ask,
  entry: Entry,
  { dispatched, pathSecret }: { readonly dispatched: boolean; readonly pathSecret: string }
): Conclusion => {
  const paths = Fingerprint.differingPaths(entry.paths, Fingerprint.pathHashes(ask.bound, pathSecret))
  return turnedAway(
    new KeyConflict({ key: ask.key.label, paths, receipt: entry.receipt, wasCalled: dispatched }),
    {
      outcome: "conflict",
      refersTo: entry.receipt?.id ?? null,
      reason: storable(`differs at ${paths.join(", ")}`)
    }
  )
}

const turnedAway = (
  error: Unsettled,
  repeat: Pick<Unrecorded, "outcome" | "refersTo" | "reason"> | undefined
): Conclusion => ({
  _tag: "Concluded",
  answer: Result.fail(error),
  leaderRecorded: false,
  repeat: repeat && { ...standsOnNothing, ...repeat }
})

const inDoubt = (ask: Ask, receipt: Receipt, checkAfter: DateTime.Utc | null): InDoubt =>
  new InDoubt({
    key: ask.key.label,
    attempt: receipt.attempt,
    since: receipt.at,
    reason: receipt.reason ?? "no outcome was recorded",
    checkAfter,
    receipt
  })
