/**
 * Receipt: the immutable statement of what became of one request.
 *
 * The ledger owns the truth: a settlement and its receipt are one commit, and a repeat's receipt is
 * durable before the repeat is answered. Receipts are never changed; a later truth is a new receipt.
 */
import type { Option } from "effect"
import { Schema } from "effect"

/**
 * What became of a request.
 *
 * - `performed`: dispatched, and the provider confirmed it
 * - `refused`: dispatched, and the provider definitely refused it
 * - `released`: proven not performed; the key may be used again
 * - `in_doubt`: dispatched, perhaps performed, and no outcome recorded
 * - `resolved`: evidence that came later, or a person, says that it happened
 * - `reopened`: it was refused, and a person lets it be asked for again
 * - `abandoned`: a person gives a doubtful key up; it is spent and never performed again
 * - `duplicate_observed`: the provider shows a second effect of a key; the promise of its connector is broken
 * - `deduplicated`: asked again; answered with what is known, nothing was done
 * - `joined`: asked while it was in flight; shared its outcome
 * - `superseded`: not wanted any more when its turn came; the key was not spent
 * - `conflict`: another action wrongly shared the key; never performed
 * - `denied`: a gate refused it before the key was spent (the lane is held by a doubt or busy, its guard failed, or it would wait for itself)
 * - `expired`: waited longer than its validity; the key was not spent
 * - `saturated`: the mailbox was full; the key was not spent
 */
export const Outcome = Schema.Literals([
  "performed",
  "refused",
  "released",
  "in_doubt",
  "resolved",
  "reopened",
  "abandoned",
  "duplicate_observed",
  "deduplicated",
  "joined",
  "superseded",
  "conflict",
  "denied",
  "expired",
  "saturated"
])
export type Outcome = typeof Outcome.Type

/**
 * What proves that nothing was performed.
 *
 * - `never_started`: the kernel did not call the connector
 * - `never_sent`: the failure came before the first byte of the effect left
 * - `provider_denies`: the provider says that it did nothing
 * - `rolled_back`: its transaction in the ledger's database did not commit, and can't any more
 * - `steps_recorded`: it is a program: each of its steps has a record of its own, and none is open
 * - `testimony`: no proof, but a person's word, or a lookup that found nothing after the stated time
 */
export const Proof = Schema.Literals([
  "never_started",
  "never_sent",
  "provider_denies",
  "rolled_back",
  "steps_recorded",
  "testimony"
])
export type Proof = typeof Proof.Type

/**
 * One receipt as it is stored. `body` is JSON text: the output of a success, or the refusal, encoded
 * by the capability's schema; `count` is how many requests of one operator it stands for.
 */
export class Receipt extends Schema.Class<Receipt>("fibric/Receipt")({
  id: Schema.String,
  at: Schema.DateTimeUtc,
  outcome: Outcome,
  operator: Schema.String,
  capability: Schema.String,
  key: Schema.String,
  entity: Schema.Struct({ type: Schema.String, id: Schema.String }),
  attempt: Schema.Int,
  count: Schema.Int,
  refersTo: Schema.NullOr(Schema.String),
  durationMillis: Schema.NullOr(Schema.Int),
  proof: Schema.NullOr(Proof),
  reason: Schema.NullOr(Schema.String),
  body: Schema.NullOr(Schema.String),
  /** For a doubt: when something is done about it by itself, or from when on a person may decide. */
  checkAfter: Schema.NullOr(Schema.DateTimeUtc)
}) {
  /**
   * For a model or a script: whether nothing was performed and the same action may be asked for again.
   * Asking is never dangerous; where this is `false` it gives the same answer, or none yet.
   */
  get safeToRetry(): boolean {
    return retryable.has(this.outcome)
  }
}

/** What a receipt is made of. */
export type ReceiptFields = { readonly [field in keyof typeof Receipt.fields]: Receipt[field] }

/**
 * A receipt of what the ledger has just written, or has read and decoded: it fits, and is not looked at once
 * more, for which `new Receipt` takes longer than for all the rest.
 */
export const ofLedger = (fields: ReceiptFields): Receipt =>
  // The prototype and all of the fields are what makes one.
  Object.assign(Object.create(Receipt.prototype) as object, fields) as Receipt

const retryable: ReadonlySet<Outcome> = new Set<Outcome>([
  "released",
  "reopened",
  "denied",
  "expired",
  "saturated"
])

/**
 * A receipt that says "it happened", as `execute` answers it: every asker gets the same one.
 *
 * `output` is what the connector answered. It is `None` where a person said that it happened and had
 * no output to give, or where the stored output no longer fits the capability's schema (`receipt.body` has it).
 */
export interface Performed<Output> {
  readonly receipt: Receipt
  readonly output: Option.Option<Output>
}
