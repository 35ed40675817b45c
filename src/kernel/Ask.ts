/**
 * Ask: one request to perform an action, read and named. Nothing here is durable and nothing has
 * reached the world: what is wrong with a request is said before anything is claimed.
 */
import { Result, type Schema } from "effect"
import type { Action } from "../domain/Action.ts"
import type * as Capability from "../domain/Capability.ts"
import { hex, sha256 } from "../domain/Digest.ts"
import { InvalidKey, InvalidOperator, InvalidPayload } from "../domain/errors.ts"
import type { Rejection } from "../domain/execute-error.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import * as IdempotencyKey from "../domain/IdempotencyKey.ts"
import * as Operator from "../domain/Operator.ts"
import { isIn, mask, valuesAt } from "../domain/Secret.ts"
import { problemOf, problemSentence } from "../domain/Text.ts"
import { jsonOf } from "../domain/PlainCodec.ts"
import type { Bounds } from "./Settings.ts"
import * as StoredRequest from "./StoredRequest.ts"

/** A request as the kernel works with it. The payload is the kernel's own copy. */
export interface Ask {
  readonly capability: Capability.Any
  readonly key: IdempotencyKey.IdempotencyKey
  /** The lane that it waits in: its entity's, or for a step of a program one beside it. */
  readonly lane: Uint8Array
  /** The program that it is a step of. */
  readonly root: Program | null
  /** The version of the entity's state that it was decided against, where it was. */
  readonly decidedAt: number | undefined
  /** The key's hash in hexadecimal: its name inside this process. */
  readonly name: string
  readonly operator: string
  readonly payload: unknown
  /** The payload's secrets, as texts: what is written down or told is cleared of them. */
  readonly secrets: ReadonlyArray<string>
  readonly bound: Schema.Json
  readonly fingerprint: string
  /** The fields that may be reworded without becoming another action, and a hash over their words. */
  readonly content: Fingerprint.Content
  readonly wording: string
  /** The payload as far as it may be stored; `null` where the recovery needs none. */
  readonly request: string | null
}

/** A program under way, as its steps see it. */
export interface Program {
  readonly key: IdempotencyKey.IdempotencyKey
  readonly lane: Uint8Array
  readonly token: string
}

/** A key's name inside this process: its hash in hexadecimal. */
export const nameOf = (key: IdempotencyKey.IdempotencyKey): string => hex(key.hash)

/** Reads an action: decodes the payload, derives key and fingerprint. */
export const read = (
  action: Action<Capability.Any>,
  operator: string,
  bounds: Bounds,
  root: Program | null = null
): Result.Result<Ask, Rejection> => {
  const { capability } = action
  // Step by step, and not as a generator: every request comes through here, the million repeats included.
  const named = checkOperator(operator)
  if (Result.isFailure(named)) return Result.fail(named.failure)
  const encoded = encodePayload(capability, action.payload, bounds)
  if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
  const identified = identify(action, encoded.success)
  if (Result.isFailure(identified)) return Result.fail(identified.failure)
  const { own, payload, secrets } = identified.success
  const derived =
    root === null ? Result.succeed(own) : IdempotencyKey.validate(IdempotencyKey.ofStep(root.key, own))
  if (Result.isFailure(derived)) return Result.fail(derived.failure)
  const key = derived.success
  const bound = Fingerprint.boundPart(encoded.success, capability.roles)
  const content = Fingerprint.contentOf(encoded.success, capability.roles)
  return Result.succeed({
    capability,
    key,
    lane: laneOf(key, root),
    root,
    decidedAt: action.decidedAt,
    name: nameOf(key),
    operator,
    payload,
    secrets,
    bound,
    fingerprint: Fingerprint.make(bound),
    content,
    wording: Fingerprint.wordingOf(content),
    request: StoredRequest.encode(capability, encoded.success)
  })
}

/** What names an action: its payload as it comes out of its JSON form, and the key that follows from it. */
export const identify = (
  { capability, entity }: Action<Capability.Any>,
  encoded: Schema.Json
): Result.Result<
  Pick<Ask, "payload" | "secrets"> & { readonly own: IdempotencyKey.IdempotencyKey },
  Rejection
> => {
  const decoded = decodePayload(capability, encoded)
  if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
  const payload = decoded.success
  const secrets = valuesAt(capability.secrets, payload)
  return Result.map(deriveKey(capability, entity, payload, secrets), (own) => ({ payload, secrets, own }))
}

/**
 * A step of the program's own entity uses the program's place: steps take their turns in a lane of their
 * own, beside the program's. So do the steps of a step that is a program itself.
 */
const laneOf = (key: IdempotencyKey.IdempotencyKey, root: Program | null): Uint8Array =>
  root !== null && Buffer.compare(root.key.entityHash, key.entityHash) === 0
    ? sha256(JSON.stringify(["fibric/steps/1", hex(root.lane)]))
    : key.entityHash

/** Refuses an operator whose name can not be written on a receipt. */
export const checkOperator = (operator: string): Result.Result<void, InvalidOperator> => {
  const problem = problemOf(operator, Operator.maxLength)
  return problem === undefined
    ? Result.void
    : Result.fail(new InvalidOperator({ sentence: problemSentence(problem, Operator.maxLength) }))
}

/** The payload in its JSON form, within the bounds. */
export const encodePayload = (
  capability: Capability.Any,
  payload: unknown,
  bounds: Bounds
): Result.Result<Schema.Json, InvalidPayload> => {
  const fail = (problem: InvalidPayload["problem"], detail: string) =>
    Result.fail(new InvalidPayload({ capability: capability.name, problem, detail }))
  const shape = shapeOf(payload, bounds.maxPayloadDepth, { left: bounds.maxPayloadBytes })
  if (shape === "deep")
    return fail("payload_too_deep", `it is nested deeper than ${bounds.maxPayloadDepth} levels`)
  if (shape === "large") return fail("payload_too_large", `it has more than ${bounds.maxPayloadBytes} values`)
  const encoded = jsonOf(capability.payload).encode(payload)
  if (Result.isFailure(encoded)) {
    const secrets = valuesAt(capability.secrets, payload)
    return fail("does_not_fit", mask(oneLine(encoded.failure.message), secrets))
  }
  const bytes = Buffer.byteLength(JSON.stringify(encoded.success))
  if (bytes > bounds.maxPayloadBytes) {
    return fail("payload_too_large", `it has ${bytes} bytes as JSON, more than ${bounds.maxPayloadBytes}`)
  }
  return Result.succeed(encoded.success)
}

/** Reading back what was written gives the kernel a copy that the caller can't change afterwards. */
const decodePayload = (
  capability: Capability.Any,
  encoded: Schema.Json
): Result.Result<unknown, InvalidPayload> =>
  Result.mapError(
    jsonOf(capability.payload).decode(encoded),
    (error) =>
      new InvalidPayload({
        capability: capability.name,
        problem: "does_not_fit",
        detail: mask(oneLine(error.message), valuesAt(capability.secrets, encoded))
      })
  )

const deriveKey = (
  capability: Capability.Any,
  entity: Action<Capability.Any>["entity"],
  payload: unknown,
  secrets: ReadonlyArray<string>
): Result.Result<IdempotencyKey.IdempotencyKey, InvalidKey> =>
  Result.flatMap(
    Result.try({
      try: () => new IdempotencyKey.IdempotencyKey(capability.name, entity, capability.occasion(payload)),
      catch: (cause) =>
        new InvalidKey({
          part: "occasion",
          problem: "not_derivable",
          sentence: `could not be derived (${mask(oneLine(String(cause)), secrets)})`
        })
    }),
    (key) =>
      isIn(key.occasion, secrets)
        ? Result.fail(
            new InvalidKey({
              part: "occasion",
              problem: "secret",
              sentence: "has a secret of the payload in it"
            })
          )
        : IdempotencyKey.validate(key)
  )

/**
 * Stops at the bounds, so that a payload that contains itself, or shares its parts a million times, is
 * refused and not walked for ever. A value is at least a byte of JSON.
 */
const shapeOf = (value: unknown, levels: number, budget: { left: number }): "fits" | "deep" | "large" => {
  budget.left -= 1
  if (budget.left < 0) return "large"
  if (value === null || typeof value !== "object") return "fits"
  if (levels === 0) return "deep"
  for (const member of Object.values(value)) {
    const shape = shapeOf(member, levels - 1, budget)
    if (shape !== "fits") return shape
  }
  return "fits"
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim()
