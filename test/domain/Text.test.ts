import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { problemOf, problemSentence, storable } from "../../src/domain/Text.ts"

describe("a name's text", () => {
  it("has no problem where it is not empty, short enough, well formed and free of NUL", () => {
    for (const text of ["a", "12345", " ", "日本語", "😀", "\uFFFD", "\n"]) {
      assert.strictEqual(problemOf(text, 5), undefined)
    }
  })

  it("has a named problem, the first in the order of looking", () => {
    assert.strictEqual(problemOf("", 5), "empty")
    assert.strictEqual(problemOf("123456", 5), "too_long")
    assert.strictEqual(problemOf("😀😀😀", 5), "too_long")
    assert.strictEqual(problemOf("a\u0000", 5), "nul")
    assert.strictEqual(problemOf("a\uD83D", 5), "lone_surrogate")
    assert.strictEqual(problemOf("\uDE00a", 5), "lone_surrogate")
    assert.strictEqual(problemOf("\u0000\uD83D12345", 5), "too_long")
  })

  it("is described so that it reads after the name of the part", () => {
    assert.strictEqual(problemSentence("empty", 5), "is empty")
    assert.strictEqual(problemSentence("nul", 5), "contains a NUL character")
    assert.strictEqual(problemSentence("lone_surrogate", 5), "contains half of a surrogate pair")
    assert.strictEqual(problemSentence("too_long", 5), "is longer than 5 characters")
  })
})

describe("free text", () => {
  it("is stored as it is where it can be", () => {
    assert.strictEqual(storable("The server said: 450 später"), "The server said: 450 später")
    assert.strictEqual(storable(""), "")
  })

  it("gets a replacement for what Postgres can't store", () => {
    assert.strictEqual(storable("a\u0000b\uD83Dc"), "a\uFFFDb\uFFFDc")
  })

  it("is cut at its bound, with a sign that it was", () => {
    assert.strictEqual(storable("12345", 5), "12345")
    assert.strictEqual(storable("123456", 5), "1234…")
    assert.strictEqual(storable("x".repeat(2_001)), `${"x".repeat(1_999)}…`)
  })

  it("is never cut through a character into something that can't be stored", () => {
    assert.strictEqual(storable("abc😀def", 5), "abc\uFFFD…")
  })

  it.prop("can always be stored, within its bound", [Schema.String], ([text]) => {
    const stored = storable(`${text}\uD83D\u0000`, 20)
    assert.isAtMost(stored.length, 20)
    assert.strictEqual(problemOf(stored, 20), undefined)
  })
})
