/**
 * Crew: the processes that simulate, as many as the machine has processors; each is given the next chunk of
 * seeds when it is through with its last one.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { createInterface, type Interface } from "node:readline"
import type { Chunk } from "./seeds.ts"

/** One process, over the tree at `root`. */
export class Member {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #reader: Interface

  constructor(root: string) {
    const child = spawn(
      process.execPath,
      ["--conditions=fibric-source", join(root, "scripts/sim/seeds.ts")],
      { cwd: root, stdio: ["pipe", "pipe", "inherit"] }
    )
    // A process that died is seen by its closed output.
    child.stdin.on("error", () => undefined)
    this.#child = child
    this.#reader = createInterface({ input: child.stdout })
    this.#lines = this.#reader[Symbol.asyncIterator]()
  }

  /** Simulates a chunk; `undefined` where the process has died over it. */
  async simulate(from: number, count: number, stopsAtFirst: boolean): Promise<Chunk | undefined> {
    this.#child.stdin?.write(`${JSON.stringify({ from, count, stopsAtFirst })}\n`)
    const line = await this.#lines.next()
    // What it prints is typed where it is made.
    return line.done === true ? undefined : (JSON.parse(line.value) as Chunk)
  }

  end(): void {
    this.#reader.close()
    this.#child.kill("SIGKILL")
  }
}

/** How many seeds a process is given at once. */
const chunkSize = 250

/** Simulates seeds with all processors, and calls back with each chunk. */
export const simulate = async (
  root: string,
  seeds: { readonly from: number; readonly count: number },
  done: (chunk: Chunk) => void
): Promise<void> => {
  let next = seeds.from
  const end = seeds.from + seeds.count
  const work = async () => {
    const member = new Member(root)
    try {
      while (next < end) {
        const from = next
        const count = Math.min(chunkSize, end - from)
        next += count
        const chunk = await member.simulate(from, count, false)
        if (chunk === undefined)
          throw new Error(`The simulation died between the seeds ${from} and ${from + count}`)
        done(chunk)
      }
    } finally {
      member.end()
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
}
