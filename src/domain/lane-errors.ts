/**
 * What an action can meet in its entity's lane instead of its turn. Nothing was performed, and the key
 * is not spent.
 */
import { DateTime, Schema } from "effect"

/**
 * Another action for this entity is in doubt and holds its lane. Nothing was claimed for this one;
 * ask again once `heldBy` is settled.
 */
export class LaneHeld extends Schema.TaggedError<LaneHeld>()("LaneHeld", {
  key: Schema.String,
  entity: Schema.String,
  heldBy: Schema.String,
  since: Schema.DateTimeUtc,
  /** When something is done about the doubt by itself, or from when on a person may decide. */
  checkAfter: Schema.NullOr(Schema.DateTimeUtc)
}) {
  /** Nothing was performed; the same action may be asked for again. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    return `"${this.key}" was not performed: "${this.heldBy}" is in doubt since ${DateTime.formatIso(this.since)} and holds ${this.entity}. Settle that first, then ask again.`
  }
}

/**
 * Another action of this entity is in flight, here or in another process, and the capability declares
 * `whenBusy: "reject"`. Nothing was claimed; ask again later.
 */
export class LaneBusy extends Schema.TaggedError<LaneBusy>()("LaneBusy", {
  key: Schema.String,
  entity: Schema.String
}) {
  /** Nothing was performed; the same action may be asked for again. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    return `"${this.key}" was not performed: another action for ${this.entity} is in flight, and this one does not wait. Ask again later.`
  }
}

/**
 * The action is not wanted any more: its guard says so, the state has changed since it was decided, or a
 * later one took its place. Decide anew, from the state as it is.
 */
export class Superseded extends Schema.TaggedError<Superseded>()("Superseded", {
  key: Schema.String,
  reason: Schema.String,
  /** The version of the entity's state that this was found at; `null` where none was asked for. */
  version: Schema.NullOr(Schema.Int)
}) {
  /** The same action, asked for again, meets the same state. */
  get safeToRetry(): boolean {
    return false
  }
  override get message() {
    return `"${this.key}" is not wanted any more: ${this.reason}. Nothing was performed and the key is not spent; decide anew from the state as it is.`
  }
}

/**
 * Nobody knows whether the action is still wanted: its guard failed, died or took too long, or the
 * entity's stored state can't be read by this version of its schema. No answer is no yes.
 */
export class GuardFailed extends Schema.TaggedError<GuardFailed>()("GuardFailed", {
  key: Schema.String,
  reason: Schema.String
}) {
  /** Nothing was performed; the same action may be asked for again. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    return `Whether "${this.key}" is still wanted could not be found out: ${this.reason}. Nothing was performed; mend the cause and ask again.`
  }
}

/**
 * The entity's stored state can't be read by this version of its schema: it was written by a newer one,
 * or no longer fits. Nothing was changed.
 */
export class StateUnreadable extends Schema.TaggedError<StateUnreadable>()("StateUnreadable", {
  entity: Schema.String,
  reason: Schema.String
}) {
  /** Asking again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
  override get message() {
    return `The state of ${this.entity} can't be read: ${this.reason}. Nothing was changed; start the version that wrote it, or declare the shape that it has.`
  }
}

/**
 * The action was asked for from inside a lane that waits, directly or through others, for itself: it
 * could never have its turn. Ask from outside, or make both one program with several steps.
 */
export class WouldDeadlock extends Schema.TaggedError<WouldDeadlock>()("WouldDeadlock", {
  key: Schema.String,
  entity: Schema.String,
  inside: Schema.String
}) {
  /** Asking again from the same place gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
  override get message() {
    return `"${this.key}" was asked for while ${this.inside} is in flight, and ${this.entity} waits for that: neither would ever end. Nothing was performed; ask from outside, or do both in one program.`
  }
}

/** The entity's mailbox is full, or the whole process has enough to do. Nothing was claimed; ask again later. */
export class Saturated extends Schema.TaggedError<Saturated>()("Saturated", {
  key: Schema.String,
  /** The entity that so many actions wait for; `null`: so many are under way in this process. */
  entity: Schema.NullOr(Schema.String),
  capacity: Schema.Int
}) {
  /** Nothing was performed; the same action may be asked for again. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    const full =
      this.entity === null
        ? `${this.capacity} actions are already under way in this process`
        : `${this.capacity} actions already wait for ${this.entity}`
    return `"${this.key}" was not performed: ${full}. Ask again later.`
  }
}

/** The action waited longer than its validity. The key was not spent; propose it anew if it is still wanted. */
export class Expired extends Schema.TaggedError<Expired>()("Expired", {
  key: Schema.String,
  waitedMillis: Schema.Int
}) {
  /** Nothing was performed; the same action may be asked for again. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    return `"${this.key}" was not performed: it waited ${this.waitedMillis} ms for its turn, longer than it is valid. Propose it again if it is still wanted.`
  }
}
