/**
 * Order: what may be done for an order, and when two uses of it are the same intention.
 *
 * The order's row owns the truth about it. Its version rises with every change, whoever makes it, and
 * each action names the version that it was decided on. So a hold after a release is another intention by
 * itself, a repeat is a repeat, and nothing is done on what nobody has looked at. A refusal that is
 * replayed stays true too: what an order was at a version, it was.
 */
import { Schema } from "effect"
import { Capability, Content, Entity, Recovery } from "fibric"

/**
 * An order, by the id in its row. Nothing of it is kept as an entity's state in the ledger: people change
 * the row in plain SQL, and a copy would not hear of it.
 */
export const Order = Entity.make("order")

/** Text that a column can hold, and that shows as it is: no control characters, no lone surrogates. */
const text = (maxLength: number) =>
  Schema.NonEmptyString.check(
    Schema.isMaxLength(maxLength),
    Schema.isPattern(/^[^\p{Cc}\p{Cs}]*$/u, { message: "Expected a text without control characters" })
  )

/** The version of the order that the action was decided on. The first one is 1. */
const Version = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 }))

/** May be reworded: what is intended is the hold of this version, or its end. */
const Reason = Content(text(500))

/**
 * Why an order was left as it is.
 *
 * - `unknown`: there is no order of this id
 * - `changed`: the order has another version by now; look at it, and decide anew
 * - `on_hold`: it is on hold, and what was asked for is only done to one that is not
 * - `not_on_hold`: there is nothing to release
 * - `shipped`: it has left; nothing is done to it any more
 */
export const Problem = Schema.Literals(["unknown", "changed", "on_hold", "not_on_hold", "shipped"])
export type Problem = typeof Problem.Type

const sentences: { readonly [P in Problem]: string } = {
  unknown: "there is no such order",
  changed: "it has changed since that version; look at it again and decide anew",
  on_hold: "it is on hold; release it first",
  not_on_hold: "it is not on hold",
  shipped: "it has been shipped already"
}

/** The order system's definite no. The order is as it was. */
export class OrderRefused extends Schema.TaggedError<OrderRefused>()("OrderRefused", {
  order: Schema.String,
  problem: Problem,
  /** The order's version when it was refused; `null` where there is no order. */
  version: Schema.NullOr(Schema.Int)
}) {
  override get message() {
    const at = this.version === null ? "" : `, which is at version ${this.version}`
    return `Nothing was done to order "${this.order}"${at}: ${sentences[this.problem]}.`
  }
}

/** The version that the order has afterwards: what to name when the next thing is decided. */
const success = Schema.Struct({ version: Schema.Int })

/** The rest of what the three have in common. */
const shared = {
  entity: Order,
  success,
  error: OrderRefused,
  occasion: ({ version }: { readonly version: number }) => `v${version}`,
  // The effect is SQL beside the ledger: it commits with its settlement, or it did not happen.
  recovery: Recovery.transactional,
  deadline: "10 seconds"
} as const

/** Keeps an open order from being shipped. */
export const holdOrder = Capability.make("hold-order", {
  ...shared,
  payload: { version: Version, reason: Reason }
})

/** Ends a hold. */
export const releaseOrder = Capability.make("release-order", {
  ...shared,
  payload: { version: Version, reason: Reason }
})

/** Marks an open order as shipped, for good. */
export const shipOrder = Capability.make("ship-order", {
  ...shared,
  payload: { version: Version, carrier: text(100), tracking: text(200) }
})
