/**
 * Why the command line does not do what it was asked for, besides what the kernel says. Nothing was
 * changed in any case; each message says what to do.
 */
import { Schema } from "effect"
import * as Runtime from "effect/Runtime"

/** No key has this name. */
export class KeyUnknown extends Schema.TaggedError<KeyUnknown>()("KeyUnknown", { name: Schema.String }) {
  override get message() {
    return `The ledger knows no key "${this.name}". Nothing was changed; give its label as people read it (verb:entity:occasion), its id from "fibric doubt list", or its whole hash.`
  }
}

/** Several keys have this name: what happened to one of them says nothing about the others. */
export class KeyAmbiguous extends Schema.TaggedError<KeyAmbiguous>()("KeyAmbiguous", {
  name: Schema.String,
  hashes: Schema.Array(Schema.String)
}) {
  override get message() {
    return `"${this.name}" names ${this.hashes.length} different keys (${this.hashes.join(", ")}). Nothing was changed; say which with its hash, "fibric doubt show ${this.name}" tells them apart.`
  }
}

/** No receipt has this id. */
export class ReceiptUnknown extends Schema.TaggedError<ReceiptUnknown>()("ReceiptUnknown", {
  id: Schema.String
}) {
  override get message() {
    return `The ledger has no receipt "${this.id}". Nothing was changed; give an id as "fibric receipts query --format json" shows it. A repeat's receipt may have been folded into a later one.`
  }
}

/** What was given as a head is none. */
export class HeadUnreadable extends Schema.TaggedError<HeadUnreadable>()("HeadUnreadable", {}) {
  override get message() {
    return 'The file of --head has no head in it. Nothing was verified; give what "fibric head" printed.'
  }
}

/** The receipts are not what was sealed. */
export class Tampered extends Schema.TaggedError<Tampered>()("Tampered", { findings: Schema.Int }) {
  override get message() {
    return `${this.findings} of what was sealed does not hold. Nothing was changed; compare with a backup from before, and ask who had the owner's rights since.`
  }
}

/** What was given as the provider's answer can't be recorded. */
export class OutputUnusable extends Schema.TaggedError<OutputUnusable>()("OutputUnusable", {
  problem: Schema.String
}) {
  override get message() {
    return `No verdict was recorded: --output ${this.problem}. Give what the provider answered as one JSON value, such as '{"messageId":"m-1"}', or leave it out.`
  }
}

/** The verdict was sent, and the ledger's answer did not come back. */
export class VerdictUnconfirmed extends Schema.TaggedError<VerdictUnconfirmed>()("VerdictUnconfirmed", {
  name: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `The ledger did not confirm the verdict (${this.reason}), so it may have been recorded or not. Look with "fibric doubt show ${this.name}", then give it again if it is missing.`
  }
}

/** There is no dead letter at this position. */
export class LetterUnknown extends Schema.TaggedError<LetterUnknown>()("LetterUnknown", {
  position: Schema.String
}) {
  override get message() {
    return `There is no dead letter ${this.position} in the outbox. Nothing was changed; "fibric outbox dead" lists those that there are.`
  }
}

/** The command line has said why, and ends with this exit code: 1 it was refused, 2 it was not understood. */
export class Ended extends Schema.TaggedError<Ended>()("Ended", { exitCode: Schema.Literals([1, 2]) }) {
  override readonly [Runtime.errorExitCode] = this.exitCode
  override readonly [Runtime.errorReported] = false
}
