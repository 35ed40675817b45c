/**
 * ServerCpu: how long the processes of a Postgres server have computed, those included that have ended.
 * Read from Linux's process table; elsewhere it is not known.
 */
import { Effect } from "effect"
import { readdir, readFile } from "node:fs/promises"

/** A clock tick of the process table. The kernel shows all of them in hundredths of a second. */
const tickMillis = 10

interface Ticks {
  readonly parent: number
  readonly own: number
  /** Of its children that have ended. */
  readonly ended: number
}

const ticksOf = async (pid: string): Promise<Ticks | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined)
  if (stat === undefined) return undefined
  // After the name in brackets: state, parent, …; the times are fields 14 to 17 of the whole.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const field = (number: number) => Number(fields[number - 3] ?? 0)
  return { parent: field(4), own: field(14) + field(15), ended: field(16) + field(17) }
}

/** Milliseconds since the server's start; 0 where there is no such table. */
export const millis = (postmaster: number): Effect.Effect<number> =>
  Effect.promise(async () => {
    const pids = await readdir("/proc").catch((): Array<string> => [])
    const all = await Promise.all(pids.filter((name) => /^\d+$/.test(name)).map(ticksOf))
    const main = await ticksOf(`${postmaster}`)
    const children = all.filter((ticks) => ticks?.parent === postmaster)
    const sum = children.reduce((sum, ticks) => sum + (ticks?.own ?? 0), 0)
    return (sum + (main?.own ?? 0) + (main?.ended ?? 0)) * tickMillis
  })
