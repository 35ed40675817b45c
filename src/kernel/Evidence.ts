/**
 * Evidence: what a connector's answer proves about the world, and nothing more favourable.
 *
 * Only a decoded output proves success, only a declared error proves a refusal, and only
 * `NotPerformed` proves that nothing happened. Every other way to end proves nothing.
 */
import { Cause, Exit, Option, Result } from "effect"
import type * as Capability from "../domain/Capability.ts"
import { NotPerformed, OutcomeUnknown } from "../domain/connector-errors.ts"
import type { Proof } from "../domain/Receipt.ts"
import { problemOf, storable } from "../domain/Text.ts"
import { jsonOf } from "../domain/PlainCodec.ts"

/** What is known after a call. `body` is JSON text. */
export type Evidence =
  | {
      readonly _tag: "Performed"
      readonly body: string
      /** The effect's name at the provider, where the capability says what that is. */
      readonly effectId: string | null
    }
  | { readonly _tag: "Refused"; readonly body: string }
  | { readonly _tag: "NotPerformed"; readonly proof: Proof; readonly reason: string }
  | { readonly _tag: "Unknown"; readonly reason: string }

/** What a connector can prove; the rest is somebody's word, the database's, or the kernel's. */
const provable: ReadonlySet<Proof> = new Set<Proof>(["never_started", "never_sent", "provider_denies"])

/** Nothing is known. */
export const unknown = (reason: string): Evidence => ({ _tag: "Unknown", reason: storable(reason) })

/** The kernel did not call the connector at all. */
export const neverStarted = (reason: string): Evidence => ({
  _tag: "NotPerformed",
  proof: "never_started",
  reason
})

/** Reads the end of a connector's call. Whatever it is, it is read to an end. */
export const fromExit = (
  capability: Capability.Any,
  exit: Exit.Exit<unknown, unknown>,
  maxBytes: number
): Evidence =>
  // A connector may answer with an object whose every look throws.
  Result.getOrElse(
    Result.try(() => read(capability, exit, maxBytes)),
    () => unknown("the connector's answer can't be read")
  )

const read = (capability: Capability.Any, exit: Exit.Exit<unknown, unknown>, maxBytes: number): Evidence => {
  if (Exit.isSuccess(exit)) {
    const body = encodeBody(capability.success, exit.value, maxBytes)
    return Result.isSuccess(body)
      ? { _tag: "Performed", body: body.success, effectId: effectIdOf(capability, exit.value) }
      : unknown(`the connector's answer can't be recorded: ${body.failure}`)
  }
  const [reason, ...others] = exit.cause.reasons
  // A failure beside a defect or an interrupt proves nothing: only one failure alone is evidence.
  if (reason === undefined || others.length > 0 || !Cause.isFailReason(reason)) {
    return unknown(sentenceOf(exit.cause))
  }
  const error = reason.error
  if (error instanceof NotPerformed) {
    // A step that was not performed says nothing about the other steps of its program.
    if (capability.recovery._tag === "Replay") return unknown(`a step was not performed: ${error.reason}`)
    if (!provable.has(error.proof)) {
      return unknown(`the connector claims a proof that it can't have (${error.proof}): ${error.reason}`)
    }
    return { _tag: "NotPerformed", proof: error.proof, reason: storable(error.reason) }
  }
  if (error instanceof OutcomeUnknown) return unknown(error.reason)
  const body = encodeBody(capability.error, error, maxBytes)
  return Result.isSuccess(body)
    ? { _tag: "Refused", body: body.success }
    : unknown(`the connector failed with something that is not a declared refusal: ${describe(error)}`)
}

/** What a lookup came to: the effect, `null` where the provider has none, or why it could not be asked. */
export const fromLookup = (
  capability: Capability.Any,
  exit: Exit.Exit<Option.Option<unknown>, unknown>,
  maxBytes: number
): Result.Result<{ readonly body: string; readonly effectId: string | null } | null, string> => {
  if (Exit.isFailure(exit)) return Result.fail(storable(describe(Cause.squash(exit.cause))))
  const found = exit.value
  if (Option.isNone(found)) return Result.succeed(null)
  return Result.map(encodeBody(capability.success, found.value, maxBytes), (body) => ({
    body,
    effectId: effectIdOf(capability, found.value)
  }))
}

/** A value as JSON text of at most so many bytes, or why not. */
export const encodeBody = (
  schema: Capability.PlainCodec,
  value: unknown,
  maxBytes: number
): Result.Result<string, string> => {
  const encoded = jsonOf(schema).encode(value)
  if (Result.isFailure(encoded)) return Result.fail(encoded.failure.message)
  // A success schema of `Void` encodes to `undefined`, which JSON has no text for.
  const body = JSON.stringify(encoded.success ?? null)
  const bytes = Buffer.byteLength(body)
  return bytes <= maxBytes ? Result.succeed(body) : Result.fail(`${bytes} bytes, more than ${maxBytes}`)
}

const longestEffectId = 256

/** What the capability calls the effect. A name that can't be stored is none. */
export const effectIdOf = (capability: Capability.Any, output: unknown): string | null => {
  // A name that can't be read is none: it must not turn a success into a doubt.
  const id = Result.getOrElse(
    Result.try(() => capability.effectId(output)),
    () => null
  )
  return id !== null && problemOf(id, longestEffectId) === undefined ? id : null
}

const sentenceOf = (cause: Cause.Cause<unknown>): string =>
  Cause.hasInterruptsOnly(cause)
    ? "the call was interrupted"
    : `the connector died: ${describe(Cause.squash(cause))}`

const describe = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error)
