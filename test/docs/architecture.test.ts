import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { lifecycleText } from "./lifecycle-text.ts"

describe("ARCHITECTURE.md", () => {
  it("draws a key's life as the code has it", () => {
    const text = readFileSync(new URL("../../ARCHITECTURE.md", import.meta.url), "utf8")
    const [, drawn] = /<!-- lifecycle -->\n([\s\S]*?)\n<!-- \/lifecycle -->/.exec(text) ?? []
    assert.strictEqual(drawn, lifecycleText())
  })
})
