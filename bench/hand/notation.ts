/**
 * notation: values in the server's own notation for text, which costs the client least.
 */
export const bytes = (hex: string): string => `\\x${hex}`

/** An array of what needs no quotes there. */
export const list = (values: ReadonlyArray<string>): string => `{${values.join(",")}}`

const escaped = (text: string): string =>
  text.includes("\\") || text.includes(`"`) ? text.replaceAll(/["\\]/g, "\\$&") : text

export const texts = (values: ReadonlyArray<string>): string => `{"${values.map(escaped).join(`","`)}"}`

/** Of hashes in hexadecimal. */
export const hashes = (values: ReadonlyArray<string>): string => `{"\\\\x${values.join(`","\\\\x`)}"}`
