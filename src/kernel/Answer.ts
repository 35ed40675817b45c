/**
 * Answer: a settling receipt, read back in the capability's own types. Whoever asks for one key gets
 * the same receipt, whether it was dispatched for them or long before.
 */
import { Effect, Option, Result } from "effect"
import type * as Capability from "../domain/Capability.ts"
import { StoredRefusalUnreadable } from "../domain/errors.ts"
import type { Performed, Receipt } from "../domain/Receipt.ts"
import { jsonOf } from "../domain/PlainCodec.ts"

/** What can be wrong with a stored answer. */
export type Unreadable = StoredRefusalUnreadable

/** Succeeds with what was performed; fails with the capability's refusal where that is the outcome. */
export const read = <C extends Capability.Any>(
  capability: C,
  receipt: Receipt
): Effect.Effect<Performed<C["success"]["Type"]>, C["error"]["Type"] | Unreadable> => {
  if (receipt.outcome !== "refused") {
    return Effect.succeed({ receipt, output: Result.getSuccess(decodeBody(capability.success, receipt)) })
  }
  const refusal = decodeBody(capability.error, receipt)
  return Effect.fail(
    Result.isSuccess(refusal) ? refusal.success : new StoredRefusalUnreadable({ key: receipt.key, receipt })
  )
}

const decodeBody = <S extends Capability.PlainCodec>(
  schema: S,
  receipt: Receipt
): Result.Result<S["Type"], unknown> =>
  receipt.body === null ? Result.fail(Option.none()) : jsonOf(schema).decodeText(receipt.body)
