/**
 * docs/faults.md is what the tests say, and every fault of the list has a test, or a reason.
 */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { marked, markedIn, marksIn, root, sources } from "../../scripts/faults/Marked.ts"
import { page } from "../../scripts/faults/page.ts"
import { type Fault, faults } from "../faults/list.ts"

const tests = marked()
const all: ReadonlyArray<readonly [string, Fault]> = Object.entries(faults)

describe("docs/faults.md", () => {
  it("is what `npm run faults` writes", () => {
    assert.strictEqual(readFileSync(`${root}docs/faults.md`, "utf8"), page(tests))
  })
})

describe("a fault of the list", () => {
  it("has a test, or a reason why it has none", () => {
    const bare = all.filter(
      ([name, { unfit }]) => unfit === undefined && !tests.some(({ names }) => names.includes(name))
    )
    assert.deepStrictEqual(
      bare.map(([name]) => name),
      []
    )
  })

  it("is looked for by harnesses that are there, by commands that are there", () => {
    const { scripts }: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(
      readFileSync(`${root}package.json`, "utf8")
    )
    const missing = all.flatMap(([name, { harness = [] }]) =>
      harness
        .filter(
          ({ file, run, words }) =>
            scripts[run.split(" ")[2] ?? ""] === undefined ||
            !existsSync(`${root}${file}`) ||
            !readFileSync(`${root}${file}`, "utf8").includes(words)
        )
        .map(({ file, words }) => `${name}: ${words} in ${file}`)
    )
    assert.deepStrictEqual(missing, [])
  })
})

describe("a test that names a fault", () => {
  it("has it at the beginning of its title, and is found", () => {
    const lost = sources()
      .filter(
        ({ file, text }) =>
          file !== "test/docs/faults.test.ts" && marksIn(text) !== markedIn(file, text).length
      )
      .map(({ file }) => file)
    assert.deepStrictEqual(lost, [])
  })

  it("is run: none is skipped, left for later or expected to fail", () => {
    const idle = tests.filter(({ by }) => /skip|todo|fails|only|If$/.test(by))
    assert.deepStrictEqual(idle, [])
  })

  it("says what it asserts after the words that it stands under", () => {
    const file = "test/a.test.ts"
    const text = [
      `describe("a claim", () => {`,
      `  describe("that waits", () => {})`,
      `  it.live(`,
      '    `${fault("deadlock", "disk full")} is made again ${how}`,',
      `    f)`,
      `})`
    ].join("\n")
    assert.deepStrictEqual(markedIn(file, text), [
      { file, by: "it.live", names: ["deadlock", "disk full"], sentence: "a claim is made again …" }
    ])
    assert.deepStrictEqual(markedIn(file, `/* ${text} */`), [])
  })
})
