/**
 * IdempotencyKey: the name of one intended change, `verb:entity:occasion`.
 *
 * It says what the action is; never when it ran, who asked, or which attempt it was. The capability
 * derives it, so a caller (a model least of all) cannot choose one. Two actions with one key are one
 * intention, and the ledger lets one of them reach the world.
 */
import { Result } from "effect"
import { sha256 } from "./Digest.ts"
import * as Entity from "./Entity.ts"
import { InvalidKey } from "./errors.ts"
import { problemOf, problemSentence } from "./Text.ts"

/** The bounds of a key's parts, in UTF-16 units. A longer part is refused, never cut. */
export const bounds = { verb: 64, entityType: 64, entityId: 256, occasion: 256 } as const

/** A derived key. Equality is by `hash`; `label` is for people. */
export class IdempotencyKey {
  readonly verb: string
  readonly entity: Entity.EntityAddress
  readonly occasion: string

  #hash: Uint8Array | undefined
  #entityHash: Uint8Array | undefined

  constructor(verb: string, entity: Entity.EntityAddress, occasion: string) {
    this.verb = verb
    // A copy of its own: whoever reuses an address for the next action must not rename this one.
    this.entity = Object.freeze({ type: entity.type, id: entity.id })
    this.occasion = occasion
    Object.freeze(this)
  }

  /** The readable form, such as `notify:order-4471:shipped`. */
  get label(): string {
    return `${this.verb}:${Entity.label(this.entity)}:${this.occasion}`
  }

  /**
   * 32 bytes over an unambiguous encoding of the parts. The scheme is frozen: a ledger that has seen
   * one key under it must recognise that key for ever.
   */
  get hash(): Uint8Array {
    this.#hash ??= sha256(
      JSON.stringify(["fibric/key/1", this.verb, this.entity.type, this.entity.id, this.occasion])
    )
    return this.#hash
  }

  /** The entity's hash, as `Entity.hash` gives it. */
  get entityHash(): Uint8Array {
    this.#entityHash ??= Entity.hash(this.entity)
    return this.#entityHash
  }

  toString(): string {
    return this.label
  }

  toJSON(): string {
    return this.label
  }
}

/**
 * The key of a program's step: derived from the program's key and from what the step is, never from
 * where it stands in the program. The same step of another run of the program has the same key.
 */
export const ofStep = (program: IdempotencyKey, step: IdempotencyKey): IdempotencyKey => {
  const name = Buffer.from(program.hash).toString("hex", 0, 16)
  return new IdempotencyKey(step.verb, step.entity, `${step.occasion}#${name}`)
}

/** A key read back from its label, given the parts that stand before the occasion in it. */
export const fromLabel = (verb: string, entity: Entity.EntityAddress, labelled: string): IdempotencyKey =>
  new IdempotencyKey(verb, entity, labelled.slice(`${verb}:${Entity.label(entity)}:`.length))

/** How many keys a label is read as at most. Only a label made of separators has more readings. */
const maxReadings = 4_096

/**
 * The keys that have a label, for two can share one (`order-4`+`71`, `order`+`4-71`). `undefined` where
 * there are too many to name.
 */
export const readings = (label: string): ReadonlyArray<IdempotencyKey> | undefined => {
  const found: Array<IdempotencyKey> = []
  for (const [verb, rest] of splits(label, ":")) {
    for (const [type, named] of splits(rest, "-")) {
      for (const [id, occasion] of splits(named, ":")) {
        const key = new IdempotencyKey(verb, { type, id }, occasion)
        if (Result.isFailure(validate(key))) continue
        found.push(key)
        if (found.length > maxReadings) return undefined
      }
    }
  }
  return found
}

/** Each way to cut a text in two at a separator. */
function* splits(text: string, separator: string): Generator<readonly [string, string]> {
  for (let at = text.indexOf(separator); at !== -1; at = text.indexOf(separator, at + 1)) {
    yield [text.slice(0, at), text.slice(at + 1)]
  }
}

/** Refuses what can't be an identity: empty parts, NUL, half surrogate pairs, over-long parts. */
export const validate = (key: IdempotencyKey): Result.Result<IdempotencyKey, InvalidKey> => {
  const parts = [
    ["verb", key.verb, bounds.verb],
    ["entity type", key.entity.type, bounds.entityType],
    ["entity id", key.entity.id, bounds.entityId],
    ["occasion", key.occasion, bounds.occasion]
  ] as const
  for (const [part, value, max] of parts) {
    if (typeof value !== "string") {
      return Result.fail(new InvalidKey({ part, problem: "not_a_string", sentence: "is not a string" }))
    }
    const problem = problemOf(value, max)
    if (problem !== undefined) {
      return Result.fail(new InvalidKey({ part, problem, sentence: problemSentence(problem, max) }))
    }
  }
  return Result.succeed(key)
}
