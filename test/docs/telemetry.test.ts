/**
 * docs/telemetry.md says what the code emits: its tables are the declarations, and nothing is emitted that
 * is not declared.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { events, fields } from "../../src/kernel/telemetry/Events.ts"
import { metrics } from "../../src/kernel/telemetry/Metrics.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const page = readFileSync(`${root}docs/telemetry.md`, "utf8")

/** The table under a heading row, as rows of cells. */
const table = (...headings: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const lines = page.split("\n")
  const start = lines.indexOf(`| ${headings.join(" | ")} |`)
  assert.isAtLeast(start, 0, `there is no table of ${headings.join(", ")}`)
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"))
  return lines.slice(start + 2, start + length).map((line) =>
    line
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.trim())
  )
}

const code = (names: ReadonlyArray<string>): string => names.map((name) => `\`${name}\``).join(", ")

const sources = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "src", "connectors"],
  { cwd: root, encoding: "utf8" }
)
  .split("\n")
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, text: readFileSync(`${root}${path}`, "utf8") }))

const found = (pattern: RegExp, except: ReadonlyArray<string> = []): ReadonlyArray<string> => [
  ...new Set(
    sources
      .filter(({ path }) => !except.includes(path))
      .flatMap(({ text }) => [...text.matchAll(pattern)].map(([, name = ""]) => name))
  )
]

const declarations = "src/kernel/telemetry/Events.ts"

describe("docs/telemetry.md", () => {
  it("has every event with its level, its meaning and its fields", () => {
    assert.deepStrictEqual(
      table("event", "level", "meaning", "fields"),
      Object.entries(events).map(([name, event]) => [
        code([name]),
        [event.level].flat().join(", "),
        event.meaning,
        code(event.fields)
      ])
    )
  })

  it("has every field with its meaning, and each is used", () => {
    assert.deepStrictEqual(
      table("field", "meaning"),
      Object.entries(fields).map(([name, meaning]) => [code([name]), meaning])
    )
    const used = new Set<string>(Object.values(events).flatMap((event) => [...event.fields]))
    assert.deepStrictEqual([...used].toSorted(), Object.keys(fields))
  })

  it("has every metric with its type, unit, labels and meaning", () => {
    assert.deepStrictEqual(
      table("metric", "type", "unit", "labels", "meaning"),
      Object.entries(metrics).map(([name, metric]) => [
        code([name]),
        metric.type,
        metric.unit,
        code(metric.labels),
        metric.description
      ])
    )
  })

  it("has every span that the source names", () => {
    const spans = found(/(?:Effect\.fn|withSpan|traced)\("([^"]+)"/g)
    assert.isAbove(spans.length, 40)
    assert.deepStrictEqual(
      table("span", "what it is")
        .map(([name = ""]) => name)
        .toSorted(),
      spans.map((name) => code([name])).toSorted()
    )
  })
})

describe("the source", () => {
  it("emits every event that is declared; the compiler lets it emit no other", () => {
    const named = new Set(found(/"(fibric\.(?:[a-z_]+\.)*[a-z_]+)"/g, [declarations]))
    assert.deepStrictEqual(
      Object.keys(events).filter((name) => !named.has(name)),
      []
    )
  })

  it("sends no event past the declarations, and makes no metric outside of its module", () => {
    assert.deepStrictEqual(found(/Effect\.log\w*\(\s*[`"](fibric\.[^`"]*)/g), [])
    assert.deepStrictEqual(
      found(/Metric\.(?:counter|gauge|histogram|frequency|summary|timer)\("([^"]+)"/g).toSorted(),
      Object.keys(metrics).toSorted()
    )
  })
})
