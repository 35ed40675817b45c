import { assert, describe, it } from "@effect/vitest"
import * as LedgerMemory from "../../src/kernel/LedgerMemory.ts"
import { lifecycleContract, unwalked } from "./lifecycle.contract.ts"

lifecycleContract("in memory", LedgerMemory.layer)

describe("the table of a key's life", () => {
  it("is walked row by row", () => {
    // The only way there is a row that the version before left behind: test/postgres/upgrade.test.ts.
    assert.deepStrictEqual(unwalked(), ["in_doubt × silence, transactional"])
  })
})
