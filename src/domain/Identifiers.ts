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

/** The same out of a context that is at hand. */
export const tokenIn = (context: Context.Context<never>): string => Context.get(context, Source).uuid4()

/**
 * UUIDs (version 7) for receipts or a batch: ordered by the time of making to the millisecond.
 * That order is for locality only; what committed when is told by the ledger's transaction ids.
 */
export const orderedIn = (context: Context.Context<never>): string => {
  const millis = Context.get(context, Clock.Clock).currentTimeMillisUnsafe()
  const random = Context.get(context, Source).bytes(16)
  made.set(random)
  made.writeUIntBE(millis, 0, 6)
  made.writeUInt8(0x70 | ((random[6] ?? 0) & 0x0f), 6)
  made.writeUInt8(0x80 | ((random[8] ?? 0) & 0x3f), 8)
  const hex = made.toString("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Where the bytes of one are put together. */
const made = Buffer.alloc(16)

/** One of them. */
export const ordered: Effect.Effect<string> = Effect.contextWith((context: Context.Context<never>) =>
  Effect.succeed(orderedIn(context))
)

/** So many of them. */
export const manyOrdered = (count: number): Effect.Effect<ReadonlyArray<string>> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.succeed(Array.from({ length: count }, () => orderedIn(context)))
  )
