/**
 * NextAttempt: whether a key's row lets a new attempt begin, and under which provider key.
 *
 * The generation is part of the key that the provider sees. It rises only when every attempt before is
 * proven not performed: then a mended action must not be answered with an old refusal. On somebody's
 * word, or for a resend, it stays, so that the provider can still recognise what it has seen.
 */
import { isClosed, windowEnd } from "./About.ts"
import type { KeyRow } from "./KeyRow.ts"

/** What a new attempt of a key begins with. */
export interface NextAttempt {
  readonly attempt: number
  readonly generation: number
  /** Whether attempts stand before it under the same provider key. */
  readonly besideEarlier: boolean
  /** On the ledger's clock, after which the attempt must not be claimed any more; `null`: no such bound. */
  readonly notAfterMillis: number | null
}

/** The attempt that may be claimed on the row, or why none may. */
export const nextAttempt = (
  row: Pick<KeyRow, "state" | "attempts" | "current">,
  wanted: { readonly seenAttempt: number; readonly from: "released" | "in_doubt" },
  nowMillis: number
): NextAttempt | "exists" | "exhausted" => {
  const { current, state } = row
  if (state !== wanted.from || current.attempt !== wanted.seenAttempt) return "exists"
  const attempt = current.attempt + 1
  const same = row.attempts.filter(({ generation }) => generation === current.generation)
  if (wanted.from === "released") {
    const proven = same.every(({ evidence }) => evidence === "not_performed" || evidence === "refused")
    const generation = proven ? current.generation + 1 : current.generation
    return { attempt, generation, besideEarlier: !proven, notAfterMillis: null }
  }
  const { recovery } = current
  if (recovery._tag !== "Resend") return "exhausted"
  const notAfterMillis = windowEnd(row, recovery)
  // One that is proven to have sent nothing is not counted among those that the declaration allows.
  const sent = same.filter(({ evidence }) => evidence !== "not_performed").length
  const open = nowMillis < notAfterMillis && sent < recovery.attempts && !same.every(isClosed)
  return open ? { attempt, generation: current.generation, besideEarlier: true, notAfterMillis } : "exhausted"
}

/** How often the key was sent again under one provider key: what the pauses between resends grow by. */
export const timesSent = (row: Pick<KeyRow, "attempts" | "current">): number =>
  row.attempts.filter(({ generation }) => generation === row.current.generation).length
