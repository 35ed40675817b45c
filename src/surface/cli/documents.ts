/**
 * documents: what `--json` prints. The fields are public: they may become more, and none of them changes
 * its name or its meaning. Instants are ISO 8601 in UTC, lengths of time are in milliseconds.
 */
import { Console, DateTime, type Effect, Result } from "effect"
import type { IdempotencyKey } from "../../domain/IdempotencyKey.ts"
import type { Receipt } from "../../domain/Receipt.ts"
import type { Recovery } from "../../domain/Recovery.ts"
import type { Doubt, Inspection } from "../../kernel/Ledger.ts"
import { hashOf } from "./KeyName.ts"

/** Prints the one document. */
export const print = (document: unknown): Effect.Effect<void> =>
  Console.log(JSON.stringify(document, null, 2))

/** An instant, where there is one. */
export const instant = (at: DateTime.Utc | null): string | null => at && DateTime.formatIso(at)

/** A declared recovery in one word. */
export const recoveryName = ({ _tag }: Recovery): string => _tag.toLowerCase()

const named = (key: IdempotencyKey) => ({
  hash: hashOf(key),
  key: key.label,
  capability: key.verb,
  entity: key.entity
})

/** A doubt, as it is listed. */
export const doubtDocument = (doubt: Doubt) => ({
  ...named(doubt.key),
  attempt: doubt.attempt,
  generation: doubt.generation,
  since: instant(doubt.since),
  ageMillis: Math.max(0, Math.round(doubt.readAtMillis - doubt.since.epochMilliseconds)),
  reason: doubt.reason,
  recovery: recoveryName(doubt.recovery),
  checkAfter: instant(doubt.checkAfter),
  operator: doubt.operator
})

/** A receipt; `body` is what the connector answered or refused with, or a person gave for it. */
export const receiptDocument = (receipt: Receipt) => ({
  id: receipt.id,
  at: instant(receipt.at),
  outcome: receipt.outcome,
  operator: receipt.operator,
  capability: receipt.capability,
  key: receipt.key,
  entity: receipt.entity,
  attempt: receipt.attempt,
  count: receipt.count,
  refersTo: receipt.refersTo,
  durationMillis: receipt.durationMillis,
  proof: receipt.proof,
  reason: receipt.reason,
  body: receipt.body === null ? null : parsed(receipt.body),
  safeToRetry: receipt.safeToRetry,
  checkAfter: instant(receipt.checkAfter)
})

/** JSON text as the value that it stands for; text that is none stays text. */
const parsed = (text: string): unknown =>
  Result.getOrElse(
    Result.try((): unknown => JSON.parse(text)),
    () => text
  )

/** A key with its attempts, and the verdicts that can be given on the current one. */
export const keyDocument = (
  inspection: Inspection,
  verdicts: ReadonlyArray<{ readonly verdict: string; readonly command: string }>
) => ({
  ...named(inspection.key),
  state: inspection.state,
  since: instant(inspection.since),
  checkAfter: instant(inspection.checkAfter),
  receipt: inspection.receipt && receiptDocument(inspection.receipt),
  attempts: inspection.attempts.map((attempt) => ({
    attempt: attempt.attempt,
    generation: attempt.generation,
    claimedAt: instant(DateTime.makeUnsafe(attempt.claimedAtMillis)),
    recovery: recoveryName(attempt.recovery),
    evidence: attempt.evidence,
    effectId: attempt.effectId
  })),
  verdicts
})
