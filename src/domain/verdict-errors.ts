/**
 * What can be wrong with a verdict, and with asking for the receipt of a key that nobody knows. Nothing
 * was changed in either case.
 */
import { DateTime, Schema } from "effect"

/** The verdict no longer fits: the key is not in that state on that attempt. Look at it again. */
export class VerdictRefused extends Schema.TaggedError<VerdictRefused>()("VerdictRefused", {
  key: Schema.String,
  attempt: Schema.Int,
  found: Schema.String
}) {
  override get message() {
    return `No verdict was recorded: it does not fit "${this.key}" on attempt ${this.attempt} (found: ${this.found}). Look at it again before deciding.`
  }
}

/**
 * The request may still be on its way to the provider, so that "it did not happen" can't be known yet.
 * Wait until `notBefore`, or say it with force.
 */
export class VerdictTooEarly extends Schema.TaggedError<VerdictTooEarly>()("VerdictTooEarly", {
  key: Schema.String,
  attempt: Schema.Int,
  notBefore: Schema.DateTimeUtc
}) {
  override get message() {
    return `No verdict was recorded: the request of "${this.key}", attempt ${this.attempt}, may still be on its way. Decide after ${DateTime.formatIso(this.notBefore)}, or with force.`
  }
}

/** A verdict is somebody's word: it is given by name, and says how that person knows. */
export class VerdictUnsigned extends Schema.TaggedError<VerdictUnsigned>()("VerdictUnsigned", {
  key: Schema.String,
  attempt: Schema.Int,
  missing: Schema.Literals(["name", "reason"])
}) {
  override get message() {
    const remedy = this.missing === "name" ? 'Name who says so with Operator.as("…")' : "Say how you know it"
    return `No verdict was recorded: the one on "${this.key}", attempt ${this.attempt}, has no ${this.missing}. ${remedy}.`
  }
}

/** Nobody has claimed this key, here or elsewhere: there is no receipt to wait for. */
export class UnknownKey extends Schema.TaggedError<UnknownKey>()("UnknownKey", { key: Schema.String }) {
  override get message() {
    return `Nothing was ever claimed under "${this.key}", and nothing is under way here. Execute the action first.`
  }
}
