import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as Lifecycle from "../../src/kernel/lifecycle/Lifecycle.ts"

const model = readFileSync(new URL("../../model/fibric.pml", import.meta.url), "utf8")

const namesIn = (type: string): ReadonlyArray<string> =>
  (new RegExp(`mtype:${type} = \\{([^}]*)\\}`).exec(model)?.[1] ?? "").split(",").map((name) => name.trim())

describe("the model", () => {
  it("has the states of the code, by their names", () => {
    assert.deepStrictEqual(namesIn("state"), [...Lifecycle.states])
  })

  it("calls its events as the code does, and adds one mark", () => {
    const events: ReadonlySet<string> = new Set(Lifecycle.events)
    assert.deepStrictEqual(
      namesIn("event").filter((name) => !events.has(name)),
      ["testimony"]
    )
  })
})
