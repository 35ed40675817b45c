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

/** The action would have to wait in the outbox, and its capability does not allow its payload to be stored. */
export class PayloadNotStored extends Schema.TaggedError<PayloadNotStored>()("PayloadNotStored", {
  capability: Schema.String,
  fields: Schema.Array(Schema.String)
}) {
  /** Proposing again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
  override get message() {
    return `Nothing was proposed: the payload of "${this.capability}" has to be stored until it is delivered, and its "stores" leaves out ${this.fields.join(", ")}. Add them there, or execute the action where it is decided.`
  }
}
