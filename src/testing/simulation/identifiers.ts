/**
 * identifiers: tokens and receipt ids that come from the seed.
 */
import type { IdentifierSource } from "../../domain/Identifiers.ts"
import type { Seeded } from "./Seeded.ts"

/** Draws them. */
export const identifiersFrom = (seeded: Seeded): IdentifierSource => ({
  uuid4: () => uuidOf(seeded),
  bytes: (size) => {
    const bytes = new Uint8Array(size)
    for (let index = 0; index < size; index++) bytes[index] = seeded.bits() & 0xff
    return bytes
  }
})

const uuidOf = (seeded: Seeded): string => {
  const digits = Array.from({ length: 4 }, () => seeded.bits().toString(16).padStart(8, "0")).join("")
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20)}`
}
