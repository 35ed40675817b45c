/**
 * Secrets: that none of a payload is stored, and that none is told in what a call came to.
 */
import type * as Capability from "../domain/Capability.ts"
import { mask, pathsIn, pointer } from "../domain/Secret.ts"
import type { Evidence } from "./Evidence.ts"

/** Evidence as it may be written down and told: without the secrets of the payload. */
export const withoutSecrets = (evidence: Evidence, secrets: ReadonlyArray<string>): Evidence => {
  if (secrets.length === 0) return evidence
  switch (evidence._tag) {
    case "Performed":
      return {
        ...evidence,
        body: mask(evidence.body, secrets),
        effectId: evidence.effectId && mask(evidence.effectId, secrets)
      }
    case "Refused":
      return { ...evidence, body: mask(evidence.body, secrets) }
    case "NotPerformed":
    case "Unknown":
      return { ...evidence, reason: mask(evidence.reason, secrets) }
  }
}

/**
 * What of a capability would be stored although it is a secret, as a sentence; `undefined` where nothing is.
 * An output and a refusal are stored so that repeats get them, and a state so that guards see it.
 */
export const exposed = (capability: Capability.Any): string | undefined => {
  const stored = capability.secrets.filter(([field]) => field !== undefined && capability.stores.has(field))
  if (stored.length > 0) return `its "stores" names the secret ${stored.map(pointer).join(", ")}`
  const schemas = [
    ["output", capability.success],
    ["refusal", capability.error],
    ["entity's state", capability.entity.shape?.schema]
  ] as const
  for (const [name, schema] of schemas) {
    const [path] = schema === undefined ? [] : pathsIn(schema)
    if (path !== undefined)
      return `its ${name} has a secret${path.length === 0 ? "" : ` at ${pointer(path)}`}`
  }
  return undefined
}
