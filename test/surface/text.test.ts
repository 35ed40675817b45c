import { assert, describe, it } from "@effect/vitest"
import { age, fields, printable, table } from "../../src/surface/cli/Text.ts"

describe("what is written for people", () => {
  it("says how long ago in the two largest units", () => {
    const ages = [0, 999, 59_999, 60_000, 3_605_000, 3_660_000, 90_061_000].map(age)
    assert.deepStrictEqual(ages, ["0 s", "0 s", "59 s", "1 min", "1 h", "1 h 1 min", "1 d 1 h"])
  })

  it("stands in columns, also where a character is two cells wide", () => {
    const lines = table(
      ["KEY", "BY"],
      [
        ["a", "dana"],
        ["日本", "ada"]
      ]
    )
    assert.deepStrictEqual(lines, ["KEY   BY", "a     dana", "日本  ada"])
    assert.deepStrictEqual(
      fields([
        ["hash", "1f"],
        ["id", "2"]
      ]),
      ["  hash  1f", "  id    2"]
    )
  })

  it("can't act on the terminal", () => {
    assert.strictEqual(printable("a\u001b[2Jb\nc\u202ed"), String.raw`a\u{1b}[2Jb\u{a}c\u{202e}d`)
  })
})
