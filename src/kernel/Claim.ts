/**
 * Claim: what is asked of the ledger before a connector may be called, and what it can answer.
 */
import type { DateTime } from "effect"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import type { Recovery } from "../domain/Recovery.ts"

/** What every attempt begins with. The token is used for this attempt and never again. */
export interface NewAttempt {
  readonly key: IdempotencyKey
  /** The lane that it is claimed in: the entity's hash, or for a step of a program one beside it. */
  readonly lane: Uint8Array
  readonly token: string
  readonly worker: string
  /** The attempt number that the claimer saw on the row; 0 where it saw no row. */
  readonly seenAttempt: number
  /** After this time on the ledger's clock the row becomes doubtful by itself. */
  readonly doubtAfterMillis: number
}

/** A state as it is stored: JSON text, and the number of the shape that it has. */
export interface StoredState {
  readonly shape: number
  readonly json: string
}

/** The state that a claim was decided on, and what performing the action makes of it. */
export interface Basis {
  readonly version: number
  /** `null`: the state stays as it is. */
  readonly becomes: StoredState | null
}

/** The program that a step belongs to: its key and the attempt that runs it. */
export interface Root {
  readonly hash: Uint8Array
  readonly token: string
}

/** What a claim binds to a key. */
export interface Claim extends NewAttempt {
  readonly operator: string
  readonly fingerprint: string
  readonly paths: Readonly<Record<string, string>>
  readonly doubtHoldsLane: boolean
  /** Whether it may be claimed beside a doubt that holds the lane. */
  readonly passesDoubt: boolean
  /** `null`: neither a guard nor a change of the state depends on the state. */
  readonly basis: Basis | null
  /** `null`: it is an action of its own. */
  readonly root: Root | null
  /** As declared when it was claimed; a later declaration does not change it. */
  readonly recovery: Recovery
  readonly deadlineMillis: number
  /** The payload as far as it may be stored, as JSON text; `null` where the recovery needs none. */
  readonly request: string | null
}

/** A doubt that holds an entity's lane. */
export interface LaneHolder {
  readonly _tag: "LaneHeld"
  readonly key: string
  readonly since: DateTime.Utc
  readonly checkAfter: DateTime.Utc | null
}

/** An entity as one statement finds it. */
export interface EntityView {
  /** How often its state has changed. */
  readonly version: number
  /** `null`: no action has changed it yet. */
  readonly state: StoredState | null
  /** What a claim in the asker's name would meet in the lane. */
  readonly lane: { readonly _tag: "LaneFree" } | { readonly _tag: "LaneBusy" } | LaneHolder
}

/** A worker's place among those who wait for a lane. */
export interface Place {
  readonly lane: Uint8Array
  readonly worker: string
}

/** The ledger's answer to a claim. Only `Claimed` allows a dispatch. */
export type ClaimVerdict =
  | { readonly _tag: "Claimed"; readonly attempt: number; readonly generation: number }
  /** The key's row is not the one that the claimer saw: look again. */
  | { readonly _tag: "Exists" }
  /** Another key of the entity is in flight, here or elsewhere, or another worker's turn comes first. */
  | { readonly _tag: "LaneBusy" }
  /** Another key of the entity is in doubt and holds the lane. */
  | LaneHolder
  /** The state is no longer at the version that the claim was decided on: ask the guard again. */
  | { readonly _tag: "StaleGuard" }
  /** The program that the step belongs to is over, or runs under another attempt. */
  | { readonly _tag: "RootEnded" }
  /** The claimer's lease ran out: it must take a new incarnation first. */
  | { readonly _tag: "WorkerExpired" }
