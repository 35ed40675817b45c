/**
 * Outbox: actions that were proposed durably and wait to be delivered to the executor.
 *
 *     proposed ──take──▶ taken ──end──▶ delivered, with the receipt that stands for it
 *        ▲                 │ ├──again──▶ proposed, not before a later time (in doubt, busy, not there)
 *        └── lease over ───┘ └──bury───▶ dead: asking again would change nothing; a person looks
 *
 * The database owns the truth: what was proposed in a transaction is here if and only if that transaction
 * committed. Delivery is at least once, and the keys make that harmless. In one entity rows are delivered
 * in the order of their positions, one at a time, each at its end before the next; entities don't wait
 * for each other.
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
}

/** How a delivery ended. */
export type Delivered =
  /** For good, with what the executor said. */
  | { readonly _tag: "End"; readonly outcome: Outcome; readonly receipt: string | null }
  /** Not yet: it is taken again after so many ms, and the entity's later rows wait behind it. */
  | { readonly _tag: "Again"; readonly afterMillis: number; readonly reason: string }
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
     * Takes the first waiting row of each entity, where it is due, of these capabilities, at most `limit`
     * entities: theirs for `leaseMillis`, by the database's clock. An entity of which a row is taken gives no
     * other one.
     */
    readonly take: (
      capabilities: ReadonlyArray<string>,
      limit: number,
      leaseMillis: number
    ) => Effect.Effect<ReadonlyArray<Taken>, LedgerUnavailable>
    /** Says how deliveries ended. Under a token that is not current any more it changes nothing. */
    readonly deliver: (
      ended: ReadonlyArray<{ readonly taken: Taken; readonly delivered: Delivered }>
    ) => Effect.Effect<void, LedgerUnavailable>
    /** The entities whose rows wait, the oldest first. */
    readonly backlog: (limit: number) => Effect.Effect<ReadonlyArray<Backlog>, LedgerUnavailable>
    /** The rows that were buried, the oldest first. */
    readonly deadLetters: (limit: number) => Effect.Effect<ReadonlyArray<DeadLetter>, LedgerUnavailable>
    /** Puts a dead letter back in its place, or drops it; `false`: there is none at that position. */
    readonly revive: (position: bigint) => Effect.Effect<boolean, LedgerUnavailable>
    readonly drop: (position: bigint, by: string, reason: string) => Effect.Effect<boolean, LedgerUnavailable>
  }
>()("fibric/kernel/Outbox") {}
