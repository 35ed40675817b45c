/**
 * broken: each mutant of the kernel simulated until it is caught, or has survived all seeds that it is given.
 */
import { rmSync } from "node:fs"
import * as Scratch from "../harness/Scratch.ts"
import { Member } from "./Crew.ts"
import { type Mutant, mutants } from "./mutants.ts"

/** What became of a mutant. */
export interface Judged {
  readonly name: string
  /** The invariants that its first failing seed violated; none where it survived. */
  readonly caughtBy: ReadonlyArray<string>
  /** How many seeds it took. */
  readonly seeds: number
}

/** How many seeds a mutant has to survive to count as survived. */
const most = 60_000
const chunkSize = 100

const judge = async (scratch: string, { edits, name }: Mutant): Promise<Judged> => {
  for (const edit of edits) Scratch.apply(scratch, edit)
  const member = new Member(scratch)
  try {
    for (let from = 1; from <= most; from += chunkSize) {
      const chunk = await member.simulate(from, chunkSize, true)
      if (chunk === undefined) return { name, caughtBy: ["DIED"], seeds: from }
      const [first] = chunk.violations
      if (first !== undefined) {
        const caughtBy = new Set(chunk.violations.map(({ invariant }) => invariant))
        return { name, caughtBy: [...caughtBy], seeds: first.seed }
      }
    }
    return { name, caughtBy: [], seeds: most }
  } finally {
    member.end()
    for (const edit of edits) Scratch.restore(scratch, edit)
  }
}

/** Judges the mutants whose name has these words, all of them where there are none. */
export const judgeAll = async (
  words: string,
  workers: number,
  done: (judged: Judged) => void
): Promise<ReadonlyArray<Judged>> => {
  const waiting = mutants.filter(({ name }) => name.includes(words))
  const all: Array<Judged> = []
  const work = async () => {
    const scratch = Scratch.copyTree()
    try {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const judged = await judge(scratch, mutant)
        all.push(judged)
        done(judged)
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
  return all
}
