/**
 * What can keep an action from being written to the outbox.
 */
import { Schema } from "effect"

/**
 * So many rows of one entity wait already, because its lane is held or nobody delivers. Nothing was written
 * and nothing may be, until some are delivered: what stands first in `fibric outbox` says why.
 */
export class OutboxFull extends Schema.TaggedError<OutboxFull>()("OutboxFull", {
  entity: Schema.String,
  capacity: Schema.Int
}) {
  /** Nothing was proposed. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    return `Nothing was proposed: ${this.capacity} actions of ${this.entity} wait in the outbox already. Look at what holds the first of them, or propose again later.`
  }
}

/** Another process has read the source for this operator meanwhile. Nothing was written; read on from its cursor. */
export class CursorMoved extends Schema.TaggedError<CursorMoved>()("CursorMoved", {
  operator: Schema.String,
  source: Schema.String
}) {
  /** What stood behind the old cursor was proposed by the other one. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    return `"${this.operator}" has read "${this.source}" further in another process. Nothing was proposed; read on from its cursor.`
  }
}

/**
 * The capability's payload may not be stored, so that it can't wait in the outbox: its `stores` leaves a field
 * out, or it has secrets. Nothing was written. Allow its fields, give the secret to the connector instead of to
 * the payload, or execute the action after the commit.
 */
export class NotStorable extends Schema.TaggedError<NotStorable>()("NotStorable", {
  capability: Schema.String,
  problem: Schema.String
}) {
  /** Asking again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
  override get message() {
    return `Nothing was proposed: an action that waits has to be stored, and "${this.capability}" does not allow it: ${this.problem}. Name the fields in "stores" where they may be stored, give secrets to the connector and not to the payload, or execute the action after the commit.`
  }
}
