/**
 * Breaks the kernel on purpose, one rule at a time, in a scratch copy, and watches the tests catch it.
 *
 *     npm run mutants [-- words of a mutant's name]
 *
 * Prints a line a mutant and ends with `N caught, N survived`; exit code 1 if any survived.
 */
import { spawnSync } from "node:child_process"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { apply, copyTree, restore, root } from "../harness/Scratch.ts"
import { mutants } from "./all.ts"
import type { Mutant } from "./list.ts"

const wanted = process.argv.slice(2).join(" ").toLowerCase()

const runTests = (scratch: string, { caughtBy, named }: Mutant) =>
  spawnSync(
    process.execPath,
    [
      "--conditions=fibric-source",
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      "--bail=1",
      "--testTimeout=8000",
      "--hookTimeout=8000",
      ...(named === undefined ? [] : ["-t", named]),
      ...caughtBy
    ],
    { cwd: scratch, encoding: "utf8", timeout: 120_000, env: { ...process.env, NO_COLOR: "1" } }
  )

let caught = 0
let survived = 0
const scratch = copyTree()
try {
  for (const mutant of mutants.filter(({ name }) => name.toLowerCase().includes(wanted))) {
    for (const edit of mutant.edits) apply(scratch, edit)
    const { status, stdout } = runTests(scratch, mutant)
    const failed = stdout.match(/^\s*×\s+(.*?)(?:\s+\d+ms)?$/m)?.[1]
    if (status !== 0 && failed !== undefined) {
      caught += 1
      console.log(`caught    ${mutant.name}\n          by ${failed}`)
    } else {
      survived += 1
      console.log(`SURVIVED  ${mutant.name}\n${stdout.split("\n").slice(-15).join("\n")}`)
    }
    for (const edit of mutant.edits) restore(scratch, edit)
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(`${caught} caught, ${survived} survived`)
process.exitCode = survived === 0 && caught > 0 ? 0 : 1
