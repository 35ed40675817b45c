/**
 * Faults: what can go wrong in a simulation, by name, and at which step of an action. A fault at a step is
 * a cell of the coverage table; a simulation that never meets a cell has proved nothing about it.
 */
import type { StatementName } from "../../kernel/LedgerMemory.ts"
import type { Seeded } from "./Seeded.ts"

/**
 * Where something can go wrong: a statement on its way to the ledger, by the port's own names (`begin` and
 * `commit` of a transaction), a connector's call of a key's first attempt or of a later one, a lookup.
 */
export type Step = StatementName | "call" | "callAgain" | "lookup"

/** Statements of an action's way, and of what a process does in the background. */
const statements = [
  "find",
  "look",
  "claim",
  "settle",
  "settleAndClaim",
  "resend",
  "apply",
  "record",
  "beat",
  "reap",
  "takeDue",
  "queue",
  "begin",
  "commit"
] as const satisfies ReadonlyArray<Step>

const calls = ["call", "callAgain"] as const satisfies ReadonlyArray<Step>

/** Every fault, and the steps that it can happen at. */
export const faults = {
  /** The statement never reaches the ledger, and its sender hears that the connection is gone. */
  "lose-request": statements,
  /** It lands, and its sender hears that the connection is gone. */
  "lose-reply": statements,
  /** Its sender hears that the connection is gone, and it lands long after. */
  "land-late": statements,
  /** From this statement on nothing of the process reaches the ledger for a while. */
  partition: ["find", "claim", "settle", "resend", "record", "beat", "commit"],
  /** The process is killed while the statement is on its way. */
  "kill-sent": statements,
  /** The process is killed after the statement has landed. */
  "kill-landed": statements,
  /** The process is stopped after the statement has landed, mostly past its lease, and goes on then. */
  "stop-landed": statements,
  /** The ledger's server restarts: what has landed stays, who waits for an answer hears nothing of it. */
  "restart-ledger": ["claim", "settle", "record", "resend", "commit"],
  /** The ledger's clock jumps an hour ahead. */
  "jump-ahead": ["claim", "settle", "beat"],
  /** The ledger's clock is set back, by a second or by a minute. */
  "jump-back": ["claim", "settle", "beat"],
  /** The caller is interrupted. */
  "interrupt-caller": ["find", "claim", "call", "record"],
  /** The provider refuses. */
  refuse: calls,
  /** The connector proves that nothing was performed. */
  deny: calls,
  /** The connector dies, before the effect or after it. */
  die: calls,
  /** The effect happens, and the connector answers with what nobody declared. */
  garbage: calls,
  /** Nothing happens, and there is no answer. */
  hang: ["call", "callAgain", "lookup"],
  /** The effect happens, and there is no answer. */
  "lose-answer": calls,
  /** The effect happens, and the answer comes after the deadline. */
  "late-answer": calls,
  /** The effect happens after the deadline. */
  "late-effect": calls,
  /** From this call on the provider answers nobody for a while; some of what it is sent happens. */
  outage: calls,
  "kill-before-effect": calls,
  "kill-after-effect": calls,
  "stop-before-effect": calls,
  "stop-after-effect": calls,
  /** The provider can't be asked. */
  "fail-lookup": ["lookup"],
  /** The provider looks at once, and answers late, but within the deadline. */
  "slow-lookup": ["lookup"],
  "kill-lookup": ["lookup"]
} as const satisfies Readonly<Record<string, ReadonlyArray<Step>>>

export type FaultName = keyof typeof faults

export const faultNames = Object.keys(faults) as ReadonlyArray<FaultName>

/** A fault at a step. */
export interface Cell {
  readonly fault: FaultName
  readonly step: Step
}

/** The cells of some faults, of all of them where none are named. */
export const cellsOf = (names: ReadonlyArray<FaultName> = faultNames): ReadonlyArray<Cell> =>
  names.flatMap((fault) => faults[fault].map((step: Step) => ({ fault, step })))

/** A fault that is to happen: at the so-manieth time that a step is taken, from 1. */
export interface Planned extends Cell {
  readonly nth: number
}

/** Steps that few runs take often. */
const rare: ReadonlySet<Step> = new Set<Step>([
  "resend",
  "callAgain",
  "lookup",
  "apply",
  "settleAndClaim",
  "begin",
  "commit"
])

/** The name of a cell in tables. */
export const nameOf = ({ fault, step }: Cell): string => `${fault} × ${step}`

/** Steps that only follow on a doubt: where something goes wrong there, something has gone wrong before. */
const afterDoubt: ReadonlySet<Step> = new Set<Step>(["resend", "callAgain", "lookup", "apply"])
const doubtful = ["lose-answer", "hang", "die", "late-effect"] as const satisfies ReadonlyArray<FaultName>

/** Draws so many faults, with those that must come before them; the early times of a step are the likelier ones. */
export const draw = (seeded: Seeded, cells: ReadonlyArray<Cell>, count: number): ReadonlyArray<Planned> => {
  const before = cells.filter(({ fault, step }) => step === "call" && doubtful.some((one) => one === fault))
  return Array.from({ length: cells.length === 0 ? 0 : count }, () => {
    const cell = seeded.pick(cells)
    const nth = 1 + seeded.below(seeded.pick(rare.has(cell.step) ? [1, 2] : [1, 2, 4, 8]))
    // A lease runs out unheard only where one heartbeat after the other is answered in vain.
    const times = cell.fault === "lose-reply" && cell.step === "beat" && seeded.chance(0.7) ? 9 : 1
    const planned = Array.from({ length: times }, (_, more) => ({ ...cell, nth: nth + more }))
    if (!afterDoubt.has(cell.step) || before.length === 0) return planned
    return [{ ...seeded.pick(before), nth: 1 + seeded.below(3) }, ...planned]
  }).flat()
}

export interface Faults {
  /** Whether something goes wrong at this step, now that it is taken once more. */
  readonly at: (step: Step) => FaultName | undefined
  /** It did go wrong. */
  readonly hit: (fault: FaultName, step: Step) => void
  /** From now on nothing does any more. */
  readonly end: () => void
  readonly hits: ReadonlyMap<string, number>
}

export const make = (planned: ReadonlyArray<Planned>): Faults => {
  const taken = new Map<Step, number>()
  const waiting = new Map<Step, Array<Planned>>()
  const hits = new Map<string, number>()
  let isOver = false
  for (const one of planned) waiting.set(one.step, [...(waiting.get(one.step) ?? []), one])
  return {
    at: (step) => {
      const times = (taken.get(step) ?? 0) + 1
      taken.set(step, times)
      if (isOver) return undefined
      return waiting.get(step)?.find(({ nth }) => nth === times)?.fault
    },
    hit: (fault, step) => {
      const name = nameOf({ fault, step })
      hits.set(name, (hits.get(name) ?? 0) + 1)
    },
    end: () => {
      isOver = true
    },
    hits
  }
}
