/**
 * derive: key, entity and fingerprint of a request by hand, over the same texts as fibric's, with the same
 * hash. Also the identifiers: a token for an attempt, and a UUIDv7 for a receipt.
 */
import { hash, randomFillSync, randomUUID } from "node:crypto"
import type { Wish } from "../Load.ts"

/** What a request is about, as the rows have it; hashes in hexadecimal. */
export interface Request {
  readonly keyHash: string
  readonly entityHash: string
  readonly label: string
  readonly entityId: string
  readonly fingerprint: string
}

const sha256 = (text: string): string => hash("sha256", text, "hex")

type Json = string | number | boolean | null | ReadonlyArray<Json> | { readonly [name: string]: Json }

const isArray = (value: Json): value is ReadonlyArray<Json> => Array.isArray(value)

/** JSON with sorted keys and no white space. */
const canonical = (value: Json): string => {
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (isArray(value)) return `[${value.map(canonical).join(",")}]`
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`
}

export const derive = ({ entity, occasion }: Wish): Request => ({
  keyHash: sha256(JSON.stringify(["fibric/key/1", "touch", "thing", entity, occasion])),
  entityHash: sha256(JSON.stringify(["fibric/entity/1", "thing", entity])),
  label: `touch:thing-${entity}:${occasion}`,
  entityId: entity,
  fingerprint: `1:${sha256(canonical({ occasion, amount: 4_200 }))}`
})

export const token = (): string => randomUUID()

const pool = Buffer.alloc(10 * 1_024)
let used = pool.length

/** A UUIDv7; its random bits are drawn many at a time. */
export const receiptId = (): string => {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const random = pool.toString("hex", used, (used += 10))
  const time = Math.floor(performance.timeOrigin + performance.now())
    .toString(16)
    .padStart(12, "0")
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`
}
