/**
 * docs/reliability.md counts what the nets look for and what they are broken with: its numbers are the
 * code's.
 */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { mutants as chaosMutants } from "../../scripts/chaos/mutants.ts"
import { mutants as simMutants } from "../../scripts/sim/mutants.ts"
import * as Faults from "../../src/testing/simulation/Faults.ts"
import { invariants } from "../../src/testing/simulation/judge/invariants.ts"
import { bad } from "../testing/laws/habits.ts"

const page = readFileSync(new URL("../../docs/reliability.md", import.meta.url), "utf8")

const counted = [
  `, ${Object.keys(invariants).length} invariants,`,
  `| ${simMutants.length} mutants of the kernel |`,
  `applies ${simMutants.length} deliberate bugs`,
  `the ${Faults.cellsOf().length} cells of fault × step`,
  `| ${chaosMutants.length} mutants of the kernel |`,
  `| ${bad.length} bad connectors |`
]

describe("docs/reliability.md", () => {
  for (const words of counted) {
    it(`says "${words}"`, () => {
      assert.include(page, words)
    })
  }
})
