/**
 * Identifiers: where tokens and receipt ids come from.
 *
 * A token names one attempt and is never used again, here or in any other process: it is the fence.
 * Injected, so that a test can make them repeatable; time comes from `Clock`.
 */
import { Clock, Context, Effect } from "effect"
import { randomFillSync, randomUUID } from "node:crypto"

/** The source of randomness for identifiers. */
export interface IdentifierSource {
  /** 128 random bits as a UUID (version 4). */
  readonly uuid4: () => string
  /** `size` random bytes, at most a thousand; the caller's to read at once. */
  readonly bytes: (size: number) => Uint8Array
}

/** Randomness of the operating system, fetched for many identifiers at once. */
const pool = Buffer.alloc(4_096)
let used = pool.length

const bytes = (size: number): Uint8Array => {
  if (used + size > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += size
  return pool.subarray(used - size, used)
}

/** The source in use. Default: the operating system's cryptographic randomness. */
export const Source = Context.Reference<IdentifierSource>("fibric/domain/Identifiers/Source", {
  defaultValue: () => ({ uuid4: randomUUID, bytes })
})

/** A token for an attempt or a worker's incarnation. */
export const token: Effect.Effect<string> = Effect.map(Source, (source) => source.uuid4())

/**
 * A UUID (version 7) for a receipt or a batch: ordered by the time of making to the millisecond.
 * That order is for locality only; what committed when is told by the ledger's transaction ids.
 */
export const ordered: Effect.Effect<string> = Effect.gen(function* () {
  const source = yield* Source
  const millis = yield* Clock.currentTimeMillis
  const bytes = Uint8Array.from(source.bytes(16))
  const view = new DataView(bytes.buffer)
  view.setUint16(0, Math.floor(millis / 2 ** 32))
  view.setUint32(2, millis >>> 0)
  view.setUint16(6, 0x7000 | (view.getUint16(6) & 0x0fff))
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f))
  const hex = Buffer.from(bytes).toString("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
})
