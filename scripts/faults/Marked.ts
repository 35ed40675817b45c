/**
 * Marked: the tests that name a fault, found in their sources.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../../", import.meta.url))

/** A test that covers faults of the list. */
export interface Marked {
  readonly file: string
  readonly names: ReadonlyArray<string>
  /** What it asserts: the words of its `describe`, and its own. */
  readonly sentence: string
  /** What it is called by: `it.live`, or a helper of its file. */
  readonly by: string
}

/** A title that begins with `fault`, and the call that it is given to. */
const title = /([\w.]+)\(\s*`\$\{fault\(([^)]*)\)\} ([^`]*)`/g

const describing = /^( *)describe(?:\.\w+)*\(\s*(?:"([^"]*)"|`([^`]*)`)/gm

/** What stands for a value in a title is not known before the test runs. */
const plain = (words: string): string =>
  words
    .replace(/^\$\{\w+\}:? /, "")
    .replaceAll(/\$\{[^}]*\}/g, "…")
    .replaceAll("\\`", "`")

/** A title goes on where its `describe` ended, unless it begins anew. */
const together = (around: string, words: string): string =>
  /^(?:an?|the|\d+) /.test(words) && !around.endsWith(":") ? `${around}: ${words}` : `${around} ${words}`

/** The text with its comments blanked, so that places stay where they are. */
const uncommented = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g, (comment) => comment.replaceAll(/[^\n]/g, " "))

/** The marked tests of one file. */
export const markedIn = (file: string, source: string): ReadonlyArray<Marked> => {
  const text = uncommented(source)
  const descriptions = [...text.matchAll(describing)].map(
    ({ 1: indent = "", 2: quoted, 3: template, index }) => ({
      index,
      indent: indent.length,
      words: plain(quoted ?? template ?? "")
    })
  )
  return [...text.matchAll(title)].map(({ 1: by = "", 2: names = "", 3: words = "", index }) => {
    const indent = index - (text.lastIndexOf("\n", index) + 1)
    const around = descriptions.findLast((one) => one.index < index && one.indent < indent)
    return {
      file,
      by,
      names: [...names.matchAll(/"([^"]*)"/g)].map(([, name = ""]) => name),
      sentence: around === undefined ? plain(words) : together(around.words, plain(words))
    }
  })
}

/** How often a file marks a test, however it is written. */
export const marksIn = (source: string): number => [...uncommented(source).matchAll(/\bfault\("/g)].length

/** The sources of the tests, in order. */
export const sources = (): ReadonlyArray<{ readonly file: string; readonly text: string }> =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "test"], {
    cwd: root,
    encoding: "utf8"
  })
    .split("\n")
    .filter((file) => /\.(?:test|contract)\.ts$/.test(file))
    .toSorted()
    .map((file) => ({ file, text: readFileSync(`${root}${file}`, "utf8") }))

/** Every marked test. */
export const marked = (): ReadonlyArray<Marked> => sources().flatMap(({ file, text }) => markedIn(file, text))
