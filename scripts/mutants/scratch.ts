/**
 * scratch: a copy of the tree in which the kernel can be broken on purpose; the tree itself never is.
 */
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** One edit: the text must stand in the file exactly once. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

export const root = dirname(dirname(import.meta.dirname))

/** Makes a copy, with the tree's own modules. */
export const make = (): string => {
  const scratch = mkdtempSync(join(tmpdir(), "fibric-mutants-"))
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8"
  })
  for (const file of files.split("\n").filter((file) => file !== "")) {
    cpSync(join(root, file), join(scratch, file), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"))
  return scratch
}

/** Applies edits; one that no longer fits the source is an error, never a mutant that "survived". */
export const apply = (scratch: string, edits: ReadonlyArray<Edit>): void => {
  for (const { file, find, replace } of edits) {
    const path = join(scratch, file)
    const source = readFileSync(path, "utf8")
    if (source.split(find).length !== 2) {
      throw new Error(`"${find}" does not stand exactly once in ${file}: mend the mutant's edit.`)
    }
    writeFileSync(
      path,
      source.replace(find, () => replace)
    )
  }
}

/** Takes edits back. */
export const restore = (scratch: string, edits: ReadonlyArray<Edit>): void => {
  for (const { file } of edits) cpSync(join(root, file), join(scratch, file))
}

export const remove = (scratch: string): void => rmSync(scratch, { recursive: true, force: true })
