/**
 * Scratch: a copy of the tree in a temporary folder, whose kernel is broken on purpose. What is installed
 * is shared with the tree.
 */
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** One edit: the text must stand in the file exactly once. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** The tree that this file stands in. */
export const root = dirname(dirname(import.meta.dirname))

/** Copies what git knows, and what it would; answers with the folder, which is the caller's to remove. */
export const copyTree = (): string => {
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

/** Applies an edit; one that no longer fits the source is an error, never a mutant that "survived". */
export const apply = (scratch: string, edit: Edit): void => {
  const path = join(scratch, edit.file)
  const source = readFileSync(path, "utf8")
  if (source.split(edit.find).length !== 2) {
    throw new Error(`"${edit.find}" does not stand exactly once in ${edit.file}: mend the mutant's edit.`)
  }
  writeFileSync(
    path,
    source.replace(edit.find, () => edit.replace)
  )
}

/** Takes an edit back. */
export const restore = (scratch: string, { file }: Edit): void =>
  cpSync(join(root, file), join(scratch, file))
