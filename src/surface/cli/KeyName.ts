/**
 * KeyName: how a person names a key, and which key that is.
 *
 * A label is what people read, and two different keys can share one (`order-4`+`71`, `order`+`4-71`). A
 * hash names one key. The list shows its first digits, which are enough for a key in doubt.
 */
import { Effect } from "effect"
import type { LedgerUnavailable } from "../../domain/errors.ts"
import type { IdempotencyKey } from "../../domain/IdempotencyKey.ts"
import { type Inspection, Ledger } from "../../kernel/Ledger.ts"
import { KeyAmbiguous, KeyUnknown } from "./refusals.ts"

/** A key's hash in hexadecimal, all 64 digits. */
export const hashOf = ({ hash }: Pick<IdempotencyKey, "hash">): string => Buffer.from(hash).toString("hex")

const shortLength = 12

/** The first digits of the hash, for a list. */
export const shortOf = (key: Pick<IdempotencyKey, "hash">): string => hashOf(key).slice(0, shortLength)

/** Among how many doubts, the oldest, a key is looked for by the first digits of its hash. */
export const maxDoubts = 1_000

/** The keys of a name: one, or several that share a label. Fails where there is none. */
export const named = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<ReadonlyArray<Inspection>, LedgerUnavailable | KeyUnknown, Ledger> {
  const ledger = yield* Ledger
  const digits = name.toLowerCase()
  const isHash = /^[0-9a-f]{64}$/.test(digits)
  const exact = yield* ledger.inspect(isHash ? digits : name)
  if (exact.length > 0) return exact
  if (isHash || !/^[0-9a-f]{8,63}$/.test(digits)) return yield* new KeyUnknown({ name })
  const hashes = (yield* ledger.doubts(maxDoubts))
    .map(({ key }) => hashOf(key))
    .filter((hash) => hash.startsWith(digits))
  const begun = (yield* Effect.forEach(hashes, (hash) => ledger.inspect(hash))).flat()
  return begun.length === 0 ? yield* new KeyUnknown({ name }) : begun
})

/** The one key of a name. Fails where there is none, or more than one. */
export const onlyOne = Effect.fnUntraced(function* (
  name: string
): Effect.fn.Return<Inspection, LedgerUnavailable | KeyUnknown | KeyAmbiguous, Ledger> {
  const keys = yield* named(name)
  const [key] = keys
  if (key === undefined || keys.length > 1) {
    return yield* new KeyAmbiguous({ name, hashes: keys.map((one) => hashOf(one.key)) })
  }
  return key
})

/** A key's name as it can be typed in any shell: its label where that is plain and its own, else its hash. */
export const typeable = ({ key }: Pick<Inspection, "key">, isUnique: boolean): string =>
  isUnique && /^[\w@%+=.,/:][\w@%+=.,/:-]*$/.test(key.label) ? key.label : hashOf(key)
