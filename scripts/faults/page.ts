/**
 * page: docs/faults.md, from the list of faults and the tests that name them.
 */
import { type Fault, faults, groups, type Harness } from "../../test/faults/list.ts"
import type { Marked } from "./Marked.ts"

interface Row {
  readonly asserts: string
  readonly where: string
}

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1)

const cell = (words: string): string => words.replaceAll("|", "\\|")

const ofTest = ({ file, sentence }: Marked): Row => ({
  asserts: `${capital(sentence)}.`,
  where: `[${file}](../${file})`
})

const ofHarness = ({ asserts, file, run }: Harness): Row => ({
  asserts: `${asserts}.`,
  where: `\`${run}\` ([${file}](../${file}))`
})

const rowsOf = (name: string, fault: Fault, tests: ReadonlyArray<Marked>): ReadonlyArray<string> => {
  const rows: ReadonlyArray<Row> = [
    ...tests.filter(({ names }) => names.includes(name)).map(ofTest),
    ...(fault.harness ?? []).map(ofHarness),
    ...(fault.unfit === undefined ? [] : [{ asserts: `*Not as a test.* ${fault.unfit}`, where: "" }])
  ]
  return rows.map(
    ({ asserts, where }, index) =>
      `| ${index === 0 ? `\`${name}\`: ${cell(fault.sentence)}` : ""} | ${cell(asserts)} | ${where} |`
  )
}

/** The page, as it has to be. */
export const page = (tests: ReadonlyArray<Marked>): string => {
  const all: ReadonlyArray<readonly [string, Fault]> = Object.entries(faults)
  const covered = all.filter(([name]) => tests.some(({ names }) => names.includes(name)))
  const sections = Object.entries(groups).map(([group, heading]) =>
    [
      `## ${heading}`,
      "",
      "| fault | what is asserted | where |",
      "|---|---|---|",
      ...all.flatMap(([name, fault]) => (fault.group === group ? rowsOf(name, fault, tests) : []))
    ].join("\n")
  )
  return `${[
    "# Faults, by name",
    `What can go wrong, and what is asserted where it does: ${all.length} faults, of which ${covered.length} have a test that bears their name, ${tests.length} tests in all. Written by \`npm run faults\` from [the list](../test/faults/list.ts) and from the titles of the tests, in their own words; a \`…\` stands for what a test goes through one by one. The harnesses are described in [reliability.md](reliability.md).`,
    '`npx vitest run -t "fault: deadlock"` runs the tests of one of them.',
    ...sections
  ].join("\n\n")}\n`
}
