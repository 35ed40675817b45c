/**
 * StoredRequest: the payload as far as it may be stored, for a recovery that needs it later. What a
 * resend sends, and what a lookup asks for, is the request that was made: read back from here, never
 * from what somebody asks now.
 */
import { Result, Schema, SchemaAST } from "effect"
import type * as Capability from "../domain/Capability.ts"
import { jsonOf } from "../domain/PlainCodec.ts"

/** Whether the capability's recovery works with the request again. */
const isNeeded = ({ recovery }: Capability.Any): boolean =>
  recovery._tag === "Resend" || recovery._tag === "Lookup"

/** The stored form as JSON text, or `null` where the recovery needs none. */
export const encode = (capability: Capability.Any, payload: Schema.Json): string | null =>
  isNeeded(capability) ? JSON.stringify(allowed(capability, payload)) : null

/** The payload as the connector gets it, or why it can't be read any more. */
export const decode = (capability: Capability.Any, request: string | null): Result.Result<unknown, string> =>
  request === null
    ? Result.fail("its request was not stored")
    : Result.mapError(
        jsonOf(capability.payload).decodeText(request),
        // Without the schema's own words: they can hold the payload's values.
        () => "its stored request no longer fits the payload's schema"
      )

/**
 * What a capability's allow-list leaves out of what its recovery needs, as a sentence; `undefined`
 * where nothing is missing.
 */
export const missing = (capability: Capability.Any): string | undefined =>
  isNeeded(capability) ? uncovered(capability) : undefined

/** What a capability's allow-list leaves out of its payload, as a sentence; `undefined` where it has all of it. */
export const uncovered = (capability: Capability.Any): string | undefined => {
  const ast = SchemaAST.toEncoded(Schema.toCodecJson(capability.payload).ast)
  if (!SchemaAST.isObjects(ast)) return "its payload is no struct, so that no field of it can be allowed"
  if (ast.indexSignatures.length > 0) return "its payload has fields without names of their own"
  // The optional ones too: what was sent with a field must not be sent again without it.
  const names = ast.propertySignatures
    .map(({ name }) => String(name))
    .filter((name) => !capability.stores.has(name))
  return names.length === 0 ? undefined : `its "stores" leaves out ${names.join(", ")}`
}

const allowed = (capability: Capability.Any, payload: Schema.Json): Schema.Json =>
  payload === null || typeof payload !== "object"
    ? payload
    : Object.fromEntries(Object.entries(payload).filter(([name]) => capability.stores.has(name)))
