/**
 * The typed errors of fibric: one class for each different reaction. Each says what happened, what
 * it means for the world outside, and what to do.
 */
import { DateTime, Schema } from "effect"
import { Receipt } from "./Receipt.ts"

/**
 * A part of the key can't be an identity. Nothing was claimed and nothing was performed.
 * Asking again with the same value gives the same answer: mend the entity's id or the occasion.
 */
export class InvalidKey extends Schema.TaggedError<InvalidKey>()("InvalidKey", {
  part: Schema.Literals(["verb", "entity type", "entity id", "occasion"]),
  problem: Schema.Literals([
    "empty",
    "nul",
    "lone_surrogate",
    "too_long",
    "not_a_string",
    "not_derivable",
    "secret"
  ]),
  sentence: Schema.String
}) {
  /** Asking again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
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
  /** Asking again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
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
  /** Asking again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
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
  /** Asking again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
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
  /** When something is done about it by itself, or from when on a person may decide. */
  checkAfter: Schema.NullOr(Schema.DateTimeUtc),
  receipt: Receipt
}) {
  /** Asking again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
  override get message() {
    return `"${this.key}" is in doubt since ${DateTime.formatIso(this.since)} (${this.reason}). It may have happened, and asking does not send it again. Look again${this.checkAfter === null ? " later" : ` after ${DateTime.formatIso(this.checkAfter)}`}; whoever knows what became of it records a verdict (fibric doubt resolve, or Verdicts).`
  }
}

/**
 * The caller's patience has ended before the action has. It goes on: the caller has left, not the
 * flight. Ask for the receipt later (`receiptOf`, `awaitReceipt`) or for the same action again.
 */
export class InProgress extends Schema.TaggedError<InProgress>()("InProgress", {
  key: Schema.String,
  waitedMillis: Schema.Int,
  /** When it is worth while to look: the action's deadline has passed by then. */
  checkAfter: Schema.NullOr(Schema.DateTimeUtc)
}) {
  /** It may be performed at any moment; asking again joins it. */
  get safeToRetry(): boolean {
    return false
  }
  override get message() {
    return `"${this.key}" is still under way after ${this.waitedMillis} ms. It goes on; ask for its receipt later, or for the same action again: it is not sent twice.`
  }
}

/**
 * A person gave this key up while nobody knew what had become of it. It is spent: never performed,
 * however often it is asked for.
 */
export class Abandoned extends Schema.TaggedError<Abandoned>()("Abandoned", {
  key: Schema.String,
  receipt: Receipt
}) {
  /** Asking again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
  override get message() {
    return `"${this.key}" was abandoned by ${this.receipt.operator} (receipt ${this.receipt.id}). It will not be performed; a different change needs a different occasion.`
  }
}

/**
 * A program stopped before its end, and none of its steps is open. What its steps settled stands;
 * ask for it again, and it runs from the top: settled steps are not performed again.
 */
export class Unfinished extends Schema.TaggedError<Unfinished>()("Unfinished", {
  key: Schema.String,
  reason: Schema.String,
  receipt: Receipt
}) {
  /** Its settled steps answer with what they were. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    return `The program "${this.key}" stopped before its end: ${this.reason}. What its steps settled stands; ask for it again, and it does the rest.`
  }
}

/**
 * `execute` was called inside an open database transaction. What it does can't be taken back by that
 * transaction's rollback, so nothing was performed. Execute after the commit, or propose the action
 * inside the transaction, with `Outbox.propose`.
 */
export class InsideTransaction extends Schema.TaggedError<InsideTransaction>()("InsideTransaction", {
  key: Schema.String
}) {
  /** Safe once the transaction has ended. */
  get safeToRetry(): boolean {
    return true
  }
  override get message() {
    return `"${this.key}" was asked for inside an open database transaction, whose rollback could not take it back. Nothing was performed; execute it after the commit, or propose it through the outbox, with Outbox.propose inside the transaction.`
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
  /** Nothing was performed; the same action may be asked for again. */
  get safeToRetry(): boolean {
    return true
  }
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
  /** Asking again gives the same answer. */
  get safeToRetry(): boolean {
    return false
  }
  override get message() {
    return `"${this.key}" was refused (receipt ${this.receipt.id}), and the stored refusal ${this.receipt.body === null ? "was purged, as everything stored is after its time" : "no longer fits the capability's error schema"}. Nothing was performed now; ${this.receipt.body === null ? "the receipt still says when and by whom" : "keep the schema able to read what it once wrote"}.`
  }
}

/**
 * The runtime is shutting down. `underWay` says whether this request's effect may still happen: it was
 * dispatched, or about to be. Ask again, elsewhere or later, with the same action: it is not sent twice.
 */
export class ShuttingDown extends Schema.TaggedError<ShuttingDown>()("ShuttingDown", {
  underWay: Schema.Boolean
}) {
  /** Safe elsewhere; where it is under way, the answer is there for whoever asks later. */
  get safeToRetry(): boolean {
    return !this.underWay
  }
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
    "schema_locked",
    "index_not_ready",
    "fsync_off",
    "full_page_writes_off",
    "synchronous_commit_off",
    "in_recovery",
    "system_changed",
    "timeline_changed",
    "transactions_behind",
    "port_unavailable",
    "capability_taken",
    "request_not_stored",
    "secret_stored",
    "operator_unnamed",
    "operator_taken"
  ]),
  sentence: Schema.String
}) {
  override get message() {
    return this.sentence
  }
}
