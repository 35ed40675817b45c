/**
 * The typed errors of fibric: one class for each different reaction. Each says what happened, what
 * it means for the world outside, and what to do.
 */
import { DateTime, Schema } from "effect"
import { Proof, Receipt } from "./Receipt.ts"

/**
 * A part of the key can't be an identity. Nothing was claimed and nothing was performed.
 * Asking again with the same value gives the same answer: mend the entity's id or the occasion.
 */
export class InvalidKey extends Schema.TaggedError<InvalidKey>()("InvalidKey", {
  part: Schema.Literals(["verb", "entity type", "entity id", "occasion"]),
  problem: Schema.Literals(["empty", "nul", "lone_surrogate", "too_long", "not_a_string", "not_derivable"]),
  sentence: Schema.String
}) {
  override get message() {
    return `The key's ${this.part} ${this.sentence}. Nothing was performed; give it a value that can name one change for ever.`
  }
}

/**
 * The operator's name can't be written on a receipt. Nothing was claimed and nothing was performed.
 */
export class InvalidOperator extends Schema.TaggedError<InvalidOperator>()("InvalidOperator", {
  sentence: Schema.String
}) {
  override get message() {
    return `The operator's name ${this.sentence}. Nothing was performed; name who acts with Operator.as("…").`
  }
}

/**
 * The payload does not fit the capability's schema, or exceeds a bound (`payload_too_large`,
 * `payload_too_deep`). Nothing was claimed and nothing was performed.
 */
export class InvalidPayload extends Schema.TaggedError<InvalidPayload>()("InvalidPayload", {
  capability: Schema.String,
  problem: Schema.Literals(["does_not_fit", "payload_too_large", "payload_too_deep"]),
  detail: Schema.String
}) {
  override get message() {
    return `The payload for "${this.capability}" was not accepted: ${this.detail}. Nothing was performed; mend the payload and ask again.`
  }
}

/**
 * The key already stands for an action with another bound payload. Never performed: two different
 * actions share one key. `paths` (JSON pointers) say where they differ; `receipt` is the original's,
 * where it has one. Either the repeat is wrong, or the capability's `occasion` leaves out what makes
 * the two different, or the field is content.
 */
export class KeyConflict extends Schema.TaggedError<KeyConflict>()("KeyConflict", {
  key: Schema.String,
  paths: Schema.Array(Schema.String),
  receipt: Schema.NullOr(Receipt)
}) {
  override get message() {
    const original = this.receipt === null ? "" : ` (receipt ${this.receipt.id}, ${this.receipt.outcome})`
    return `"${this.key}" already names another action${original}: the payloads differ at ${this.paths.join(", ")}. Nothing was performed; a different change needs a different occasion.`
  }
}

/**
 * The action was dispatched, perhaps performed, and no outcome is known. It is never performed again
 * by asking. A person, or evidence that arrives late, settles it.
 */
export class InDoubt extends Schema.TaggedError<InDoubt>()("InDoubt", {
  key: Schema.String,
  attempt: Schema.Int,
  since: Schema.DateTimeUtc,
  reason: Schema.String,
  receipt: Receipt
}) {
  override get message() {
    return `"${this.key}" is in doubt since ${DateTime.formatIso(this.since)} (${this.reason}). It may have happened; it will not be sent again. Look at the provider, then record a verdict (Verdicts.itHappened).`
  }
}

/**
 * Another action for this entity is in doubt and holds its lane. Nothing was claimed for this one;
 * ask again once `heldBy` is settled.
 */
export class LaneHeld extends Schema.TaggedError<LaneHeld>()("LaneHeld", {
  key: Schema.String,
  entity: Schema.String,
  heldBy: Schema.String,
  since: Schema.DateTimeUtc
}) {
  override get message() {
    return `"${this.key}" was not performed: "${this.heldBy}" is in doubt since ${DateTime.formatIso(this.since)} and holds ${this.entity}. Settle that first, then ask again.`
  }
}

/** The entity's mailbox is full. Nothing was claimed; ask again later. */
export class Saturated extends Schema.TaggedError<Saturated>()("Saturated", {
  key: Schema.String,
  entity: Schema.String,
  capacity: Schema.Int
}) {
  override get message() {
    return `"${this.key}" was not performed: ${this.capacity} actions already wait for ${this.entity}. Ask again later.`
  }
}

/** The action waited longer than its validity. The key was not spent; propose it anew if it is still wanted. */
export class Expired extends Schema.TaggedError<Expired>()("Expired", {
  key: Schema.String,
  waitedMillis: Schema.Int
}) {
  override get message() {
    return `"${this.key}" was not performed: it waited ${this.waitedMillis} ms for its turn, longer than it is valid. Propose it again if it is still wanted.`
  }
}

/**
 * Proven not performed. A connector fails with it only on proof; a caller that gets it may ask again,
 * for the key is free.
 */
export class NotPerformed extends Schema.TaggedError<NotPerformed>()("NotPerformed", {
  proof: Proof,
  reason: Schema.String
}) {
  override get message() {
    return `Nothing was performed (${this.proof}): ${this.reason}. The key is free; ask again when the cause is gone.`
  }
}

/**
 * For connectors: the call ended and nobody can tell whether it took effect. The key becomes in
 * doubt, exactly as after a defect or a time-out; failing with this only gives the reason a name.
 */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>()("OutcomeUnknown", {
  reason: Schema.String
}) {
  override get message() {
    return `The outcome is unknown: ${this.reason}`
  }
}

/**
 * The ledger could not be reached or did not confirm. fibric fails closed: what was not confirmed as
 * claimed is not performed. Safe to ask again: a statement that did land is recognised.
 */
export class LedgerUnavailable extends Schema.TaggedError<LedgerUnavailable>()("LedgerUnavailable", {
  operation: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `The ledger did not confirm "${this.operation}": ${this.reason}. Nothing is sent without its word; ask again when it is back.`
  }
}

/**
 * The provider refused this action for good, and the refusal that was stored then no longer fits the
 * capability's `error` schema. It is never performed again by asking; `receipt.body` has what was said.
 */
export class StoredRefusalUnreadable extends Schema.TaggedError<StoredRefusalUnreadable>()(
  "StoredRefusalUnreadable",
  { key: Schema.String, receipt: Receipt }
) {
  override get message() {
    return `"${this.key}" was refused (receipt ${this.receipt.id}), and the stored refusal no longer fits the capability's error schema. Nothing was performed now; keep the schema able to read what it once wrote.`
  }
}

/**
 * The runtime is shutting down. `underWay` says whether this request's effect may still happen: it was
 * dispatched, or about to be. Ask again, elsewhere or later, with the same action: it is not sent twice.
 */
export class ShuttingDown extends Schema.TaggedError<ShuttingDown>()("ShuttingDown", {
  underWay: Schema.Boolean
}) {
  override get message() {
    return this.underWay
      ? "fibric is shutting down while this action was under way: it may happen. Ask another process for the same action; it will not be sent twice."
      : "fibric is shutting down and takes no new actions. Nothing was performed; ask another process."
  }
}

/**
 * fibric refused to start. Nothing was performed, and nothing will be until the cause is gone; the
 * message says what to do.
 */
export class StartRefused extends Schema.TaggedError<StartRefused>()("StartRefused", {
  problem: Schema.Literals([
    "unreachable",
    "authentication",
    "not_permitted",
    "newer_schema",
    "migration_failed",
    "capability_taken"
  ]),
  sentence: Schema.String
}) {
  override get message() {
    return this.sentence
  }
}

/** The verdict no longer fits: the key is not in doubt on that attempt. Nothing was changed. */
export class VerdictRefused extends Schema.TaggedError<VerdictRefused>()("VerdictRefused", {
  key: Schema.String,
  attempt: Schema.Int,
  found: Schema.String
}) {
  override get message() {
    return `No verdict was recorded: "${this.key}" is not in doubt on attempt ${this.attempt} (found: ${this.found}). Look at it again before deciding.`
  }
}
