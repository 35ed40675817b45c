/**
 * Outbox: actions that were proposed durably and wait to be delivered to the executor.
 *
 *     waiting ──take──▶ taken ──end───▶ gone: the receipt that stands for it is the record
 *        ▲                │ ├──again──▶ begun, not before a later time (in doubt, busy, failed)
 *        │                │ └──bury───▶ dead: asking again would change nothing; a person looks
 *        └────── revive by a person ◀────┘
 *
 * The database owns the truth: what was proposed in a transaction is here if and only if that transaction
 * committed. Delivery is at least once, and the keys make that harmless.
 *
 * Order. Of an entity's rows that are due, the one with the smallest position is taken, alone, and the next
 * one only after it has ended or was buried: also where its lease runs out (then it is taken again itself),
 * and where it has to be tried again. A row that is not due yet holds nobody back; once due it stands where
 * its position says. Entities don't wait for each other. Two transactions that propose for one entity at
 * the same time have no order, unless they take one themselves: a lock on the entity's own row is enough.
 */
import { Context, type DateTime, type Effect, type Schema } from "effect"
import type { EntityAddress } from "../domain/Entity.ts"
import type { LedgerUnavailable } from "../domain/errors.ts"
import type { CursorMoved, OutboxFull } from "../domain/outbox-errors.ts"
import type { Outcome } from "../domain/Receipt.ts"

/** An action as it is stored: by names and JSON, so that any process that knows the capability can deliver it. */
export interface Proposal {
  readonly capability: string
  readonly entity: EntityAddress
  /** In the JSON form of the capability's payload. */
  readonly payload: Schema.Json
  readonly decidedAt: number | undefined
  readonly operator: string
  /** Not delivered before this instant, by the database's clock. `undefined`: at once. */
  readonly dueAt: DateTime.Utc | undefined
}

/** A proposal that a worker has taken, for as long as its lease lasts. */
export interface Taken extends Proposal {
  /** Its place in the outbox. In one entity, a smaller one goes first. */
  readonly position: bigint
  /** Names this taking; what a worker says under an older one changes nothing. */
  readonly token: string
  /** Which time it is taken: 1 for the first. */
  readonly delivery: number
  /** How many deliveries before have failed. */
  readonly failures: number
}

/** How a delivery ended, or that it has not. */
export type Delivered =
  /** For good, with what the executor said. */
  | { readonly _tag: "End"; readonly outcome: Outcome; readonly receipt: string | null }
  /** It is still under way: its lease goes on for so long, under the same token. */
  | { readonly _tag: "Renew"; readonly afterMillis: number }
  /** Not yet: it is taken again after so many ms, and the entity's later rows wait behind it. */
  | { readonly _tag: "Again"; readonly afterMillis: number; readonly reason: string }
  /** As `Again`, and it counts: nothing was performed, and asking again may never change that. */
  | { readonly _tag: "Failed"; readonly afterMillis: number; readonly reason: string }
  /** Never by asking again. The entity's later rows go on; the row stays until a person has dealt with it. */
  | { readonly _tag: "Bury"; readonly reason: string }

/** How far an operator has read a source. A move that finds another cursor there changes nothing. */
export interface Move {
  readonly operator: string
  readonly source: string
  readonly from: string | undefined
  readonly to: string
}

/** An entity whose rows wait. */
export interface Backlog {
  readonly entity: EntityAddress
  readonly waiting: number
  readonly oldestAt: DateTime.Utc
  /** Why its first row waits, where it was tried already. */
  readonly reason: string | null
}

/** A row that can't be delivered. */
export interface DeadLetter extends Proposal {
  readonly position: bigint
  readonly proposedAt: DateTime.Utc
  readonly buriedAt: DateTime.Utc
  readonly deliveries: number
  readonly reason: string
}

export class Outbox extends Context.Service<
  Outbox,
  {
    /**
     * Writes proposals, all or none, in a transaction of the outbox's own, in the order given; their
     * positions. With a `move`, the cursor moves in the same commit: `CursorMoved` where another reader was
     * first, and nothing is written. `OutboxFull` where an entity has as many waiting as it may.
     */
    readonly put: (
      proposals: ReadonlyArray<Proposal>,
      move?: Move
    ) => Effect.Effect<ReadonlyArray<bigint>, OutboxFull | CursorMoved | LedgerUnavailable>
    /** How far an operator has read a source; `undefined`: not at all. */
    readonly cursorOf: (
      operator: string,
      source: string
    ) => Effect.Effect<string | undefined, LedgerUnavailable>
    /**
     * Takes the first of the due rows of each entity, where it is of these capabilities, for at most `limit`
     * entities, those first that wait longest: theirs for `leaseMillis`, by the database's clock. An entity of
     * which a row has begun (it is taken, or is to be tried again) gives no other one until that has ended.
     */
    readonly take: (
      capabilities: ReadonlyArray<string>,
      limit: number,
      leaseMillis: number
    ) => Effect.Effect<ReadonlyArray<Taken>, LedgerUnavailable>
    /**
     * Says how deliveries ended, and which go on. Of several words about one taking the last one counts. Under a token that is not current any more it changes nothing, so that it
     * may be said again where it was not confirmed.
     */
    readonly deliver: (
      ended: ReadonlyArray<{ readonly taken: Taken; readonly delivered: Delivered }>
    ) => Effect.Effect<void, LedgerUnavailable>
    /** The entities whose rows wait, the oldest first. */
    readonly backlog: (limit: number) => Effect.Effect<ReadonlyArray<Backlog>, LedgerUnavailable>
    /** The rows that were buried, the oldest first. */
    readonly deadLetters: (limit: number) => Effect.Effect<ReadonlyArray<DeadLetter>, LedgerUnavailable>
    /** Returns when there may be something new to take that was put in this process. A hint. */
    readonly changed: Effect.Effect<void>
    /** Puts a dead letter back in its place; `false`: there is none at that position. */
    readonly revive: (position: bigint) => Effect.Effect<boolean, LedgerUnavailable>
    /**
     * Gives a dead letter up, by name and with a reason, which are kept; its payload is not. `false`: there is
     * none at that position.
     */
    readonly drop: (position: bigint, by: string, reason: string) => Effect.Effect<boolean, LedgerUnavailable>
  }
>()("fibric/kernel/Outbox") {}
