/**
 * PlainCodec: a schema whose codec needs no services. What is stored must be readable anywhere.
 */
import type { Schema } from "effect"

export type PlainCodec = Schema.Codec<unknown, unknown, never, never>
