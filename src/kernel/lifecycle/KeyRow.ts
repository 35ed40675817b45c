/**
 * KeyRow: a key as a decision sees it, what can happen to it, and what was decided.
 *
 * Times are the ledger's own clock, in milliseconds since the epoch.
 */
import type { Outcome, Receipt } from "../../domain/Receipt.ts"
import type * as Recovery from "../../domain/Recovery.ts"
import type { Evidence } from "../Evidence.ts"
import type * as Lifecycle from "./Lifecycle.ts"

/**
 * What is known of one attempt. `performed`: its own call said so. `attested`: a lookup or a person
 * said that it happened. `testimony`: a person, or a lookup after the stated time, said that it did not.
 */
export type Mark = "unknown" | "performed" | "attested" | "refused" | "not_performed" | "testimony"

/** One dispatch of a key. The generation is part of the provider's key. */
export interface AttemptRecord {
  readonly attempt: number
  readonly generation: number
  readonly token: string
  /** Who asked for it. */
  readonly operator: string
  /** What it was claimed for; `null` where a version that did not keep it has claimed the key again. */
  readonly fingerprint: string | null
  readonly claimedAtMillis: number
  readonly recovery: Recovery.Recovery
  /** `null` while nothing is known. */
  readonly evidence: Mark | null
  /** What the provider refused with, as JSON text, where that did not settle the key yet. */
  readonly refusal: string | null
  readonly effectId: string | null
}

/** A key's row with the attempts that a decision needs: those of its generation, oldest first, and any that is asked about. */
export interface KeyRow {
  readonly state: Lifecycle.State
  readonly receipt: Receipt | null
  readonly attempts: ReadonlyArray<AttemptRecord>
  readonly current: AttemptRecord
  readonly doubtAtMillis: number
  readonly verdictAfterMillis: number
  readonly recoverAfterMillis: number | null
  readonly recoveries: number
  /** Whether it keeps the entity's lane: in flight or in doubt, and not beside an earlier doubt. */
  readonly holdsLane: boolean
  /** Of a program: how many of its steps are in flight or in doubt. */
  readonly openSteps: number
  /** Settled from outside while its call was running; the entity's flight is not free yet. */
  readonly callOpen: boolean
}

/** A person's ruling. `body` is the output as JSON text, where there is one to give. */
export type Ruling =
  | { readonly _tag: "ItHappened"; readonly body: string | null }
  | { readonly _tag: "Release" | "Abandon" | "Reopen" }

/** What happened to a key, besides a claim. */
export type Event =
  | {
      readonly _tag: "Evidence"
      readonly token: string
      readonly evidence: Evidence
      readonly durationMillis: number
    }
  | { readonly _tag: "Silence" }
  /** A program's run has ended before its end. */
  | { readonly _tag: "RunEnded"; readonly attempt: number }
  | {
      readonly _tag: "Lookup"
      /** The attempt that was in doubt when it began: another one may be current by now. */
      readonly attempt: number
      readonly found: { readonly body: string; readonly effectId: string | null } | null
      /** When the lookup began, as the ledger's clock said before it did. */
      readonly startedAtMillis: number
    }
  | {
      readonly _tag: "Ruling"
      readonly attempt: number
      readonly ruling: Ruling
      readonly operator: string
      readonly reason: string
      readonly force: boolean
    }

/** Evidence to keep with an attempt. */
export interface Marking {
  readonly attempt: number
  readonly evidence: Mark
  readonly refusal: string | null
  readonly effectId: string | null
}

/** What a receipt says besides whose it is. */
export interface Statement {
  readonly outcome: Outcome
  readonly operator: string
  readonly attempt: number
  readonly refersTo: string | null
  readonly durationMillis: number | null
  readonly proof: Receipt["proof"]
  readonly reason: string | null
  readonly body: string | null
}

/** What is done by itself next, counted from now. */
export interface Plan {
  readonly recoverAfterMillis: number | null
  readonly checkAfterMillis: number | null
  readonly recoveries: number
}

/** Why an event was refused. Nothing was changed. */
export type Refusal =
  | { readonly why: "unknown_token" | "wrong_attempt" | "wrong_state" }
  | { readonly why: "too_early"; readonly notBeforeMillis: number }

export type Decision =
  | {
      readonly _tag: "Move"
      readonly to: Lifecycle.State
      readonly statement: Statement
      /** Whether the receipt stands for the key from now on; a duplicate's does not replace the original. */
      readonly stands: boolean
      /**
       * The earlier attempt that has settled the key, where it was claimed for another payload: the key is
       * bound to that one again, its state included. What the current attempt was claimed for did not
       * settle it.
       */
      readonly bindsTo: number | null
      /** Whether it leaves the lane, so that a doubt which waits beside it takes the lane over. */
      readonly leavesLane: boolean
      readonly markings: ReadonlyArray<Marking>
      readonly callOpen: boolean
      readonly plan: Plan
    }
  /** The state stays; what was learned is kept, without a receipt. */
  | {
      readonly _tag: "Keep"
      readonly markings: ReadonlyArray<Marking>
      readonly callOpen: boolean
      /** Absent where nothing about it changes. */
      readonly plan: Plan | undefined
    }
  | { readonly _tag: "Refuse"; readonly refusal: Refusal }
