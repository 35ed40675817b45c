/**
 * heard: how an asker's call of `execute` ended, as the judge reads it.
 */
import { Cause, Exit, Option } from "effect"
import type { Answer } from "./invariants.ts"

/** What has no receipt behind it. */
const unrecorded = new Set([
  "LedgerUnavailable",
  "ShuttingDown",
  "InProgress",
  "InsideTransaction",
  "interrupted",
  "defect"
])

interface Success {
  readonly receipt: { readonly id: string }
  readonly output: Option.Option<unknown>
}

/** Reads an end. */
export const answerOf = (exit: Exit.Exit<unknown, unknown>): Answer => {
  if (Exit.isSuccess(exit)) {
    // What `execute` succeeds with.
    const { output, receipt } = exit.value as Success
    return {
      tag: "success",
      isRecorded: true,
      success: { receiptId: receipt.id, output: Option.getOrNull(output) }
    }
  }
  if (Exit.hasInterrupts(exit)) return { tag: "interrupted", isRecorded: false }
  const error = Cause.squash(exit.cause)
  const tag = hasTag(error) ? error._tag : "defect"
  return { tag, isRecorded: !unrecorded.has(tag) }
}

const hasTag = (error: unknown): error is { readonly _tag: string } =>
  typeof error === "object" && error !== null && "_tag" in error && typeof error._tag === "string"
