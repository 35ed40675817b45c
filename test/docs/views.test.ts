/**
 * docs/views.md says what the database says of its views.
 */
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { deadLetterColumns, outboxColumns } from "../../src/postgres/migrations/0013-outbox-views.ts"
import { doubtColumns, receiptColumns, sealColumns } from "../../src/postgres/migrations/public-views.ts"

const page = readFileSync(new URL("../../docs/views.md", import.meta.url), "utf8")

/** The first table under a heading. */
const tableUnder = (view: string): ReadonlyArray<readonly [string, string]> => {
  const lines = page.slice(page.indexOf(`## fibric.${view}\n`)).split("\n")
  const start = lines.indexOf("| column | meaning |")
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"))
  return lines.slice(start + 2, start + length).map((line) => {
    const [, column = "", meaning = ""] = /^\| `(\w+)`\s+\| (.*?)\s*\|$/.exec(line) ?? []
    return [column, meaning]
  })
}

describe("docs/views.md", () => {
  for (const [view, columns] of Object.entries({
    receipts: receiptColumns,
    doubts: doubtColumns,
    seals: sealColumns,
    outbox: outboxColumns,
    dead_letters: deadLetterColumns
  })) {
    it(`has the columns of fibric.${view} in order, with what each means`, () => {
      assert.deepStrictEqual(tableUnder(view), Object.entries(columns))
    })
  }
})
