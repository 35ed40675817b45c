/**
 * Text: what a string must be to be stored and compared faithfully.
 *
 * Postgres stores no NUL in text, and a lone surrogate becomes U+FFFD on its way there, so that two
 * different strings would arrive as one.
 */

/** What is wrong with a part of a name, as a named code. */
export type TextProblem = "empty" | "nul" | "lone_surrogate" | "too_long"

/** Finds the first problem of a name part, or `undefined`. The length is counted in UTF-16 units. */
export const problemOf = (text: string, maxLength: number): TextProblem | undefined => {
  if (text.length === 0) return "empty"
  if (text.length > maxLength) return "too_long"
  if (text.includes("\u0000")) return "nul"
  if (!text.isWellFormed()) return "lone_surrogate"
  return undefined
}

/** One sentence for a problem, to be put after the name of the part. */
export const problemSentence = (problem: TextProblem, maxLength: number): string => {
  switch (problem) {
    case "empty":
      return "is empty"
    case "nul":
      return "contains a NUL character"
    case "lone_surrogate":
      return "contains half of a surrogate pair"
    case "too_long":
      return `is longer than ${maxLength} characters`
  }
}

/** Makes free text storable and bounded: for reasons and notes, never for anything that identifies. */
export const storable = (text: string, maxLength = 2_000): string => {
  const clean = text.toWellFormed().replaceAll("\u0000", "\uFFFD")
  return clean.length <= maxLength ? clean : `${clean.slice(0, maxLength - 1)}…`.toWellFormed()
}

/** What an error says, whatever it was that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
