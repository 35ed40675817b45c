/**
 * The server that a dead run left behind in a cluster's folder.
 *
 * Killing a process leaves its Postgres running. The folder's `postmaster.pid`
 * says which process that is, and its command line carries the token of the
 * owner who started it. Only a server with the token of an owner proved dead is
 * stopped; any other live server in the folder is somebody's, and stays.
 */
import { lchown, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { failure, onDisk } from "./EmbeddedPostgresError.ts"
import type { Folder } from "./Folder.ts"
import * as Process from "./Process.ts"

/** A setting that means nothing to Postgres; it carries the owner's token into the process table. */
export const tokenSetting = "fibric.owner"

export const tokenArgument = (token: string) => `${tokenSetting}=${token}`

export interface PidFile {
  readonly pid: number
  readonly status: string
}

/** Postgres's own file: the pid on its first line, the status on its eighth, once there is one. */
export const readPidFile = (folder: Folder) =>
  Effect.promise(() =>
    readFile(join(folder.data, "postmaster.pid"), "utf8").then(
      (text) => {
        const lines = text.split("\n")
        return Option.some<PidFile>({
          pid: Number.parseInt(lines[0] ?? "", 10),
          status: (lines[7] ?? "").trim()
        })
      },
      () => Option.none<PidFile>()
    )
  )

/** Above every system's highest pid, and still a number that Postgres reads. */
const nobody = 2 ** 31 - 2

/**
 * The pid has been handed to a process that has nothing to do with this
 * folder, which would keep Postgres from starting. The file itself has to
 * stay: by its shared memory key Postgres sees whether sessions of the dead
 * server are still at work.
 */
const renounce = (folder: Folder) => {
  const path = join(folder.data, "postmaster.pid")
  return onDisk(`correct ${path}`, async () => {
    const [text, { uid, gid, mode }] = await Promise.all([readFile(path, "utf8"), stat(path)])
    const aside = `${path}.new`
    // A start that was killed here left it. Removed and made anew: Postgres's user could have put a link there.
    await rm(aside, { force: true })
    await writeFile(aside, text.replace(/^\d+/, String(nobody)), { mode: mode & 0o777, flag: "wx" })
    await lchown(aside, uid, gid)
    await rename(aside, path)
  })
}

/** Works there, or is told of the folder itself and not of `data2` beside it. Where that is unclear: yes. */
const isInFolder = (folder: Folder, process: { readonly command: string; readonly folder: string }) =>
  process.folder === folder.data ||
  process.command
    .split(folder.data)
    .slice(1)
    .some((after) => !/^[\p{L}\p{N}_.-]/u.test(after))

/** Afterwards no server runs in the folder, and Postgres can be started there; or it fails and nothing was touched. */
export const settle = Effect.fnUntraced(function* (folder: Folder, dead: ReadonlyArray<string>) {
  const file = yield* readPidFile(folder)
  if (Option.isNone(file) || !(file.value.pid > 0)) return
  const found = yield* Process.identify(file.value.pid)
  if (Option.isNone(found)) return
  const described = yield* Process.describe(found.value.pid)
  if (dead.some((token) => described.command.includes(tokenArgument(token)))) {
    // `stop` looks at the identity again, so a process that came in between is safe.
    if ((yield* Process.stop(found.value)) === "stopped") return
    return yield* failure(
      "orphan_unstoppable",
      `The server of a dead run (process ${found.value.pid}) still has ${folder.directory} and outlived SIGINT, SIGQUIT and SIGKILL. Stop it, or restart the machine.`
    )
  }
  if (isInFolder(folder, described)) {
    return yield* failure(
      "in_use",
      `A Postgres that fibric did not start (process ${found.value.pid}) is running on ${folder.data}. Stop it, or give another folder.`
    )
  }
  yield* renounce(folder)
})
