/**
 * Text: what the command line writes for people. Plain lines and aligned columns, without colours; what
 * somebody else wrote (a key, a reason) is shown so that it can't act on the terminal.
 */
import * as CliOutput from "effect/cli/CliOutput"

/** Text with every character that a terminal would act on written out. */
export const printable = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  )

/** At most so many characters; the rest is elsewhere. */
export const cut = (text: string, maxLength: number): string =>
  text.length <= maxLength ? text : `${text.slice(0, maxLength - 1).toWellFormed()}…`

/** Rows under their headings, each column as wide as its widest cell. */
export const table = (
  headings: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<string> => {
  const all = [headings, ...rows.map((row) => row.map(printable))]
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => CliOutput.displayWidth(row[column] ?? "")))
  )
  return all.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - CliOutput.displayWidth(cell)))
      .join("  ")
      .trimEnd()
  )
}

/** Names and what they stand for, one a line. */
export const fields = (
  pairs: ReadonlyArray<readonly [name: string, value: string]>
): ReadonlyArray<string> => {
  const width = Math.max(...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `  ${name.padEnd(width)}  ${printable(value)}`)
}

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000]
] as const

/** A length of time as people say it, in its two largest units: `2 h 5 min`. */
export const age = (millis: number): string => {
  const parts = units
    .map(([unit, size], index) => {
      const larger = units[index - 1]?.[1] ?? Infinity
      return [Math.floor((millis % larger) / size), unit] as const
    })
    .filter(([count], index, all) => count > 0 || all.slice(0, index).some(([before]) => before > 0))
  const said = parts.slice(0, 2).filter(([count]) => count > 0)
  return said.length === 0 ? "0 s" : said.map(([count, unit]) => `${count} ${unit}`).join(" ")
}
