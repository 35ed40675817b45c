/**
 * Ledger: the port to the table that decides who may call a connector. One row a key.
 *
 * The ledger owns the truth. What its statements say happened, in its own order and by its own clock;
 * what a process remembers is only a faster way to the same answer. What may happen to a key stands in
 * `lifecycle`; an implementation adds that it holds for the row as it is. Implementations:
 * `LedgerMemory` for unit tests, `PgLedger` for use. One contract suite runs against each.
 */
import { Context, type DateTime, type Effect } from "effect"
import type { LedgerUnavailable } from "../domain/errors.ts"
import type { IdempotencyKey } from "../domain/IdempotencyKey.ts"
import type { Outcome, Receipt } from "../domain/Receipt.ts"
import type { Recovery } from "../domain/Recovery.ts"
import type { Claim, ClaimVerdict, EntityView, NewAttempt, Place } from "./Claim.ts"
import type { Evidence } from "./Evidence.ts"
import type { LedgerTransaction } from "./LedgerTransaction.ts"
import type { AttemptRecord, Event } from "./lifecycle/KeyRow.ts"
import type { State } from "./lifecycle/Lifecycle.ts"

export type * from "./Claim.ts"

/** What names a row: the key's hash. */
export type KeyName = Pick<IdempotencyKey, "hash">

/** A key's row, as a second asker finds it. */
export interface Entry {
  readonly state: State
  readonly attempt: number
  readonly fingerprint: string
  /** Keyed hashes of the bound payload, by path: to explain a conflict. */
  readonly paths: Readonly<Record<string, string>>
  /** When the row entered its state. */
  readonly since: DateTime.Utc
  /** For a doubt: when something is done about it, or from when on a person may decide. */
  readonly checkAfter: DateTime.Utc | null
  /** The receipt that put the row into its state; `null` while the first attempt is performing. */
  readonly receipt: Receipt | null
}

/** `Exhausted`: the provider may forget the key, or was asked often enough. A person decides. */
export type ResendVerdict = ClaimVerdict | { readonly _tag: "Exhausted" }

/** The end of one attempt's call. `receiptId` makes the statement repeatable. */
export interface Settlement {
  readonly key: KeyName
  readonly token: string
  readonly receiptId: string
  readonly evidence: Evidence
  readonly durationMillis: number
  /** The entity whose state the attempt's success changes, where that is known here; only to be quick. */
  readonly stateOf?: Uint8Array | null
  /** The lane that the attempt was claimed in, where that is known here; only to be quick. */
  readonly lane?: Uint8Array
}

/** What became of a settlement and of the claim that went with it. */
export interface SettledAlong {
  readonly applied: Applied
  /** `undefined`: not claimed by this statement. Claim it, with the same token, to learn what it meets. */
  readonly claimed: { readonly attempt: number; readonly generation: number } | undefined
}

/** What became of an event. */
export type Applied =
  /** By this statement, now or when it first landed. */
  | { readonly _tag: "Settled"; readonly receipt: Receipt }
  /** The key's state stays; what was learned is kept. */
  | { readonly _tag: "Kept" }
  /** Nothing was changed: the event does not fit the row, described by `found`. */
  | {
      readonly _tag: "Refused"
      readonly why: "unknown_key" | "unknown_token" | "wrong_attempt" | "wrong_state"
      readonly found: string
    }
  | { readonly _tag: "Refused"; readonly why: "too_early"; readonly notBefore: DateTime.Utc }

/** What became of a transaction. */
export type Transacted =
  /** Effect and settlement are committed, now or when it first landed. */
  | { readonly _tag: "Settled"; readonly receipt: Receipt }
  /** Nothing is committed, because of what the effect came to. */
  | { readonly _tag: "RolledBack"; readonly evidence: Evidence }
  /** The attempt was no longer the current one; its effect did not run, or was rolled back. */
  | { readonly _tag: "Fenced" }

/** Requests that caused nothing: one row for each operator, folded by count. */
export interface Repeat {
  readonly receiptId: string
  readonly key: IdempotencyKey
  readonly outcome: Outcome
  readonly operator: string
  readonly count: number
  /** The attempt that it is about; `null`: the key's current one when it is written, 0 where there is none. */
  readonly attempt: number | null
  readonly refersTo: string | null
  /** It is written only while `refersTo` is the receipt that stands for its key. */
  readonly onlyIfStands: boolean
  readonly reason: string | null
}

/** Repeats that are written together. `id` makes the statement repeatable. */
export interface Batch {
  readonly id: string
  /** After this instant on the ledger's clock, in milliseconds since the epoch, it writes nothing. */
  readonly notAfterMillis: number
  readonly repeats: ReadonlyArray<Repeat>
}

/** What became of a batch. */
export type Recorded =
  /** Written, now or when it first landed; without the receipts that have been folded since. */
  | {
      readonly _tag: "Recorded"
      readonly receipts: ReadonlyArray<Receipt>
      /** The receipt ids of those that were not written and won't be: what they refer to did not stand any more. */
      readonly moved: ReadonlyArray<string>
    }
  /** Its time was over; it was not written and can't be any more. */
  | { readonly _tag: "TooLate" }

/** A key in doubt, for the recovery and for people. */
export interface Doubt {
  readonly key: IdempotencyKey
  readonly lane: Uint8Array
  readonly capability: string
  readonly operator: string
  readonly attempt: number
  readonly generation: number
  readonly since: DateTime.Utc
  readonly reason: string
  readonly recovery: Recovery
  readonly checkAfter: DateTime.Utc | null
  /** The payload as it was stored, for whoever takes the doubt to recover it; `null` in a list. */
  readonly request: string | null
  /** The ledger's clock when it answered, in milliseconds since the epoch. */
  readonly readAtMillis: number
}

/** A key with all of its attempts, oldest first. */
export interface Inspection {
  readonly key: IdempotencyKey
  readonly state: State
  readonly since: DateTime.Utc
  readonly checkAfter: DateTime.Utc | null
  readonly receipt: Receipt | null
  readonly attempts: ReadonlyArray<AttemptRecord>
}

export class Ledger extends Context.Service<
  Ledger,
  {
    /** The secret under which path hashes are made; one for each ledger. */
    readonly pathSecret: string
    /**
     * A key's row as last committed, or `undefined`. For whoever has to wait anyway it is enough to know
     * `soon`: then the look may go along with another statement, within some milliseconds.
     */
    readonly find: (key: KeyName, pace?: "soon") => Effect.Effect<Entry | undefined, LedgerUnavailable>
    /**
     * Claims a key for one attempt. Durable when it answers `Claimed`: the claim is the dispatch
     * mark. At most one row of an entity is in flight or holds the lane in doubt, whoever asks from
     * wherever. Run again with the same token it gives the same answer, so that an unknown commit is
     * settled by asking again.
     */
    readonly claim: (claim: Claim) => Effect.Effect<ClaimVerdict, LedgerUnavailable>
    /**
     * Claims a key in doubt for a resend of its stored request, with everything that its last attempt
     * was bound to and the same provider key. Only inside the provider's window on the ledger's clock.
     * As durable, exclusive and repeatable as `claim`.
     */
    readonly resend: (attempt: NewAttempt) => Effect.Effect<ResendVerdict, LedgerUnavailable>
    /**
     * Records how an attempt's call ended, with its receipt, in one commit. Any attempt's token is
     * accepted, early or late; the `lifecycle` says what it does to the key. Repeatable by receipt id.
     */
    readonly settle: (settlement: Settlement) => Effect.Effect<Applied, LedgerUnavailable>
    /**
     * The same, and claims another key of the entity in the same commit: only where the settlement
     * empties the lane in time, the key is new, its claim depends on no state, and no other worker waits
     * for the entity. Repeatable by receipt id and token.
     */
    readonly settleAndClaim: (
      settlement: Settlement,
      next: Claim
    ) => Effect.Effect<SettledAlong, LedgerUnavailable>
    /** Applies what else happens to a key, as `lifecycle` says, with its receipt. Repeatable by receipt id. */
    readonly apply: (
      key: KeyName,
      event: Event,
      receiptId: string
    ) => Effect.Effect<Applied, LedgerUnavailable>
    /**
     * Runs an effect and its settlement in one transaction of the ledger's database, fenced by the
     * attempt's token. Committed when it answers `Settled`. After `LedgerUnavailable` the commit is
     * unknown: run it again, and if it landed that is the answer.
     */
    readonly transact: (
      attempt: Pick<Settlement, "key" | "token" | "receiptId">,
      effect: Effect.Effect<Pick<Settlement, "evidence" | "durationMillis">, never, LedgerTransaction>
    ) => Effect.Effect<Transacted, LedgerUnavailable>
    /**
     * The entity's state and its lane, for a guard. From then on its state has a row to lock, at version
     * 0 where it was never changed.
     */
    readonly look: (
      entity: Pick<IdempotencyKey, "entity" | "entityHash">,
      place: Place
    ) => Effect.Effect<EntityView, LedgerUnavailable>
    /**
     * Waits in line for the entity's lane: durable, one place for each worker, void when the worker is
     * no longer alive. While it stands, no other worker that came later is given the lane before. Whoever
     * is first while the lane is free is called, and loses its place after `turnMillis`; if it still waits
     * it takes another one, at the tail. Answers whether it is this worker's turn now.
     */
    readonly queue: (place: Place, turnMillis: number) => Effect.Effect<boolean, LedgerUnavailable>
    /** Gives the place up. A claim gives up its worker's place by itself. */
    readonly leave: (place: Place) => Effect.Effect<void, LedgerUnavailable>
    /**
     * Returns when the lane may have come free for this worker, at once where it was told so since the
     * last time. A hint: it may come late, or never.
     */
    readonly called: (place: Place) => Effect.Effect<void>
    /**
     * Notes that `inside`'s lane waits for `awaits`, until `id` is given up or the worker is gone.
     * Answers whether that closes a circle: `awaits` waits, directly or through others, for `inside`.
     */
    readonly waitFor: (waiting: {
      readonly id: string
      readonly worker: string
      readonly inside: Uint8Array
      readonly awaits: Uint8Array
    }) => Effect.Effect<boolean, LedgerUnavailable>
    readonly waitNoMore: (id: string) => Effect.Effect<void, LedgerUnavailable>
    /**
     * The ledger's clock as this process knows it, in milliseconds since the epoch. Only to say until
     * when a batch may land.
     */
    readonly now: Effect.Effect<number>
    /**
     * Writes the receipts of a batch of repeats; they are durable when it answers `Recorded`. One that is
     * written only if its receipt stands is committed before anything else can stand for the key, or not
     * at all. Run again it adds nothing and answers the same, also once its receipts have been folded; and
     * after its time it adds nothing.
     */
    readonly record: (batch: Batch) => Effect.Effect<Recorded, LedgerUnavailable>
    /** Extends a worker's lease from now, on the ledger's clock. `false`: it had run out, for good. */
    readonly beat: (worker: string, leaseMillis: number) => Effect.Effect<boolean, LedgerUnavailable>
    /**
     * Turns up to as many silent rows as there are receipt ids into doubtful ones (a transactional
     * one is released): rows past their own time, and rows of workers whose lease ran out. Returns the
     * receipts written.
     */
    readonly reap: (
      receiptIds: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<Receipt>, LedgerUnavailable>
    /**
     * Takes doubts whose recovery is due, of the given capabilities, at most so many. Nobody else is
     * given one of them for `leaseMillis`; what is not dealt with by then is due again.
     */
    readonly takeDue: (
      capabilities: ReadonlyArray<string>,
      limit: number,
      leaseMillis: number
    ) => Effect.Effect<ReadonlyArray<Doubt>, LedgerUnavailable>
    /** Nothing more is done about a doubt by itself, if it is still on that attempt. */
    readonly leaveToPerson: (key: KeyName, attempt: number) => Effect.Effect<void, LedgerUnavailable>
    /** Doubts, the oldest first, at most so many. */
    readonly doubts: (limit: number) => Effect.Effect<ReadonlyArray<Doubt>, LedgerUnavailable>
    /** Keys by their label or their hash in hexadecimal, each with its attempts. Labels can be shared. */
    readonly inspect: (name: string) => Effect.Effect<ReadonlyArray<Inspection>, LedgerUnavailable>
  }
>()("fibric/kernel/Ledger") {}
