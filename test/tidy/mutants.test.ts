import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { mutants as chaosMutants } from "../../scripts/chaos/mutants.ts"
import { mutants } from "../../scripts/mutants/all.ts"
import { mutants as simMutants } from "../../scripts/sim/mutants.ts"

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")

describe("the mutants", () => {
  it("fit the source that they break", () => {
    const misfits = [...mutants, ...chaosMutants, ...simMutants].flatMap(({ edits, name }) =>
      edits
        .filter(({ file, find }) => read(file).split(find).length !== 2)
        .map(({ file, find }) => `${name}: "${find}" does not stand once in ${file}`)
    )
    assert.deepStrictEqual(misfits, [])
  })
})
