/**
 * Ledger: the port to the table that decides who may call a connector. One row a key.
 *
 * The ledger owns the truth. What its statements say happened, in its own order and by its own clock;
 * what a process remembers is only a faster way to the same answer. Implementations: `LedgerMemory`
 * for unit tests, `PgLedger` for use. One contract suite runs against each.
 */
import { Context, type DateTime, type Effect } from "effect"
import type { LedgerUnavailable } from "../domain/errors.ts"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import type { Outcome, Receipt } from "../domain/Receipt.ts"
import type { Evidence } from "./Evidence.ts"

/**
 * Where a key stands. `performing`: one attempt is dispatched. `in_doubt`: dispatched, no outcome
 * known. `released`: proven not performed, free again. `done` and `refused`: settled for good.
 */
export type State = "performing" | "in_doubt" | "released" | "done" | "refused"

/** A key's row, as a second asker finds it. */
export interface Entry {
  readonly state: State
  readonly attempt: number
  readonly fingerprint: string
  /** Keyed hashes of the bound payload, by path: to explain a conflict. */
  readonly paths: Readonly<Record<string, string>>
  /** When the row entered its state. */
  readonly since: DateTime.Utc
  /** The receipt that put the row into its state; `null` while the first attempt is performing. */
  readonly receipt: Receipt | null
}

/** What a claim binds to a key. The token is used for this attempt and never again. */
export interface Claim {
  readonly key: IdempotencyKey
  readonly token: string
  readonly worker: string
  readonly operator: string
  readonly fingerprint: string
  readonly paths: Readonly<Record<string, string>>
  /** The attempt number that the claimer saw on the released row; 0 where it saw no row. */
  readonly seenAttempt: number
  readonly doubtHoldsLane: boolean
  /** After this time on the ledger's clock the row becomes doubtful by itself. */
  readonly doubtAfterMillis: number
}

/** The ledger's answer to a claim. Only `Claimed` allows a dispatch. */
export type ClaimVerdict =
  | { readonly _tag: "Claimed"; readonly attempt: number; readonly generation: number }
  /** The key has a row that is not the released one the claimer saw: look again. */
  | { readonly _tag: "Exists" }
  /** Another key of the entity is in flight, here or elsewhere. */
  | { readonly _tag: "LaneBusy" }
  /** Another key of the entity is in doubt and holds the lane. */
  | { readonly _tag: "LaneHeld"; readonly key: string; readonly since: DateTime.Utc }
  /** The claimer's lease ran out: it must take a new incarnation first. */
  | { readonly _tag: "WorkerExpired" }

/** The outcome of one attempt. `receiptId` makes the statement repeatable. */
export interface Settlement {
  readonly key: IdempotencyKey
  readonly token: string
  readonly receiptId: string
  readonly evidence: Evidence
  readonly durationMillis: number
}

/** `Settled`: this statement, now or when it first landed. `NotYours`: the token is not current. */
export type SettleVerdict =
  | { readonly _tag: "Settled"; readonly receipt: Receipt }
  | { readonly _tag: "NotYours" }

/** Requests that caused nothing: one row for each operator, folded by count. */
export interface Repeat {
  readonly receiptId: string
  readonly key: IdempotencyKey
  readonly outcome: Outcome
  readonly operator: string
  readonly count: number
  readonly refersTo: string | null
  readonly reason: string | null
}

/** A person's word that it happened. `output` is JSON text, where there is one to give. */
export interface HappenedVerdict {
  readonly key: IdempotencyKey
  readonly attempt: number
  readonly receiptId: string
  readonly operator: string
  readonly reason: string
  readonly body: string | null
}

export class Ledger extends Context.Service<
  Ledger,
  {
    /** The secret under which path hashes are made; one for each ledger. */
    readonly pathSecret: string
    /** A key's row as last committed, or `undefined`. */
    readonly find: (key: IdempotencyKey) => Effect.Effect<Entry | undefined, LedgerUnavailable>
    /**
     * Claims a key for one attempt. Durable when it answers `Claimed`: the claim is the dispatch
     * mark. At most one row of an entity is in flight or holds the lane in doubt, whoever asks from
     * wherever. Run again with the same token it gives the same answer, so that an unknown commit is
     * settled by asking again.
     */
    readonly claim: (claim: Claim) => Effect.Effect<ClaimVerdict, LedgerUnavailable>
    /**
     * Records an attempt's outcome and its receipt in one commit. Only the current token is
     * accepted, also when the row has become doubtful meanwhile. Evidence of nothing leaves a
     * doubtful row as it is. Repeatable by receipt id.
     */
    readonly settle: (settlement: Settlement) => Effect.Effect<SettleVerdict, LedgerUnavailable>
    /**
     * Writes the receipts of repeats; they are durable when it returns. Run again it adds nothing.
     */
    readonly record: (
      repeats: ReadonlyArray<Repeat>
    ) => Effect.Effect<ReadonlyArray<Receipt>, LedgerUnavailable>
    /** Records that it happened, if the key is still in doubt on that attempt; else `NotYours`. */
    readonly resolveHappened: (verdict: HappenedVerdict) => Effect.Effect<SettleVerdict, LedgerUnavailable>
    /** Extends a worker's lease from now, on the ledger's clock. `false`: it had run out, for good. */
    readonly beat: (worker: string, leaseMillis: number) => Effect.Effect<boolean, LedgerUnavailable>
    /**
     * Turns up to as many silent rows as there are receipt ids into doubtful ones: rows past their
     * own time, and rows of workers whose lease ran out. Returns the receipts written.
     */
    readonly reap: (
      receiptIds: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<Receipt>, LedgerUnavailable>
  }
>()("fibric/kernel/Ledger") {}

/** The state that evidence puts an attempt's row into. */
export const stateAfter = (evidence: Evidence): Exclude<State, "performing"> => {
  switch (evidence._tag) {
    case "Performed":
      return "done"
    case "Refused":
      return "refused"
    case "NotPerformed":
      return "released"
    case "Unknown":
      return "in_doubt"
  }
}

/** The outcome that a settlement's receipt states; a success that comes after a doubt resolves it. */
export const outcomeAfter = (from: "performing" | "in_doubt", evidence: Evidence): Outcome => {
  const to = stateAfter(evidence)
  if (to !== "done") return to
  return from === "in_doubt" ? "resolved" : "performed"
}

/** What a receipt keeps of the evidence: the body, or the proof and the reason. */
export const statementOf = (evidence: Evidence): Pick<Receipt, "body" | "proof" | "reason"> => {
  switch (evidence._tag) {
    case "Performed":
    case "Refused":
      return { body: evidence.body, proof: null, reason: null }
    case "NotPerformed":
      return { body: null, proof: evidence.proof, reason: evidence.reason }
    case "Unknown":
      return { body: null, proof: null, reason: evidence.reason }
  }
}
