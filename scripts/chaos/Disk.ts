/**
 * Disk: a small one for the server, in memory, that can be filled to the last byte.
 */
import { Effect } from "effect"
import { mkdir, open, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import * as Process from "../../src/host/embedded-postgres/Process.ts"
import type { Server } from "./Server.ts"
import { NotRun } from "./Stage.ts"

/** A new cluster, the log that it writes ahead, and what a minute leaves. */
const size = "200m"

/** Settings with which the server needs little of it. */
export const settings = { max_wal_size: "48MB", min_wal_size: "32MB" } as const

/** Mounts it there for as long as the scope lives. */
export const mounted = (directory: string) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      yield* Effect.promise(() => mkdir(directory))
      const options = `size=${size},mode=0711`
      const { code, output } = yield* Process.run("/bin/mount", [
        "-t",
        "tmpfs",
        "-o",
        options,
        "tmpfs",
        directory
      ])
      if (code === 0) return
      yield* Effect.promise(() => rm(directory, { recursive: true, force: true }))
      return yield* new NotRun({ stage: "disk-full", reason: `mounting is not permitted: ${output.trim()}` })
    }),
    // At the latest when the last process has let go of it.
    () => Process.run("/bin/umount", ["--lazy", directory])
  )

const blockBytes = 64 * 1_024

/** Fills it for so long. A server that could not go on is started again. */
export const fill = (server: Server, millis: number) => {
  const ballast = join(server.directory, "ballast")
  return Effect.acquireUseRelease(
    Effect.promise(() => writeUntilFull(ballast)),
    () => Effect.sleep(millis),
    () => Effect.promise(() => rm(ballast, { force: true }))
  ).pipe(
    // It gets a moment to recover by itself, or to give up.
    Effect.andThen(Effect.sleep(500)),
    Effect.andThen(server.revive)
  )
}

const writeUntilFull = async (path: string): Promise<void> => {
  const file = await open(path, "w")
  try {
    const block = Buffer.alloc(blockBytes, 1)
    // The last bytes go one page at a time.
    for (const bytes of [block, block.subarray(0, 4_096)]) {
      while ((await file.write(bytes).catch(() => ({ bytesWritten: 0 }))).bytesWritten === bytes.length);
    }
  } finally {
    await file.close()
  }
}

/** How often the server has met it, by its own log. */
export const met = ({ directory }: Server) =>
  Effect.promise(async () => {
    const log = await readFile(join(directory, "server.log"), "utf8").catch(() => "")
    return log.split("No space left on device").length - 1
  })
