/**
 * PlainCodec: a schema whose codec needs no services. What is stored must be readable anywhere.
 */
import { Schema } from "effect"

export type PlainCodec = Schema.Codec<unknown, unknown, never, never>

const derive = (schema: PlainCodec) => {
  const json = Schema.toCodecJson(schema)
  return {
    /** To the value's JSON. */
    encode: Schema.encodeUnknownResult(json),
    /** From JSON. */
    decode: Schema.decodeUnknownResult(json),
    /** From JSON text. */
    decodeText: Schema.decodeUnknownResult(Schema.fromJsonString(json))
  }
}

const derived = new WeakMap<PlainCodec, ReturnType<typeof derive>>()

/** How a schema's values become JSON and come back: derived once, for it takes longer than any use of it. */
export const jsonOf = (schema: PlainCodec): ReturnType<typeof derive> => {
  const known = derived.get(schema)
  if (known !== undefined) return known
  const fresh = derive(schema)
  derived.set(schema, fresh)
  return fresh
}
