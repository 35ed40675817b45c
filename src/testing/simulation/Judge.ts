/**
 * Judge: what must hold in every simulation, looked at from outside. It goes by the world's own record and
 * by the ledger's rows, never by what a process believes, and says by name what was violated.
 */
import type { Statement } from "../../kernel/LedgerMemory.ts"
import * as Answers from "./judge/answers.ts"
import * as Calls from "./judge/calls.ts"
import * as Case from "./judge/Case.ts"
import type { Answer, Asker, Violation } from "./judge/invariants.ts"
import * as Rows from "./judge/rows.ts"
import type { Begun, Happened } from "./World.ts"

export interface Judge {
  readonly violations: ReadonlyArray<Violation>
  readonly before: (statement: Statement) => void
  readonly after: (statement: Statement) => void
  /** A process, by its number, has heard the answer to a statement. */
  readonly heard: (statement: Statement, process: number) => void
  readonly begun: (begun: Begun) => void
  readonly happened: (happened: Happened, begun: Begun) => void
  /** The provider was asked what became of a call. */
  readonly lookedUp: (begun: Begun) => void
  readonly told: (begun: Begun) => void
  /** Whether all that living processes were told of has been written down. */
  readonly isKept: () => boolean
  /** The ledger's clock has jumped ahead, or back, by so much. */
  readonly jumped: (byMillis: number) => void
  readonly asked: (asker: Asker) => void
  readonly answered: (asker: Asker, answer: Answer) => void
  /** A person says something about a key. */
  readonly ruled: (name: string) => void
  /** All of it is over. `isCalm`: nothing went wrong, and nobody left. */
  readonly end: (isCalm: boolean) => void
}

export const make = (seen: Pick<Case.Case, "store" | "now" | "serverNow">): Judge => {
  const on = Case.open(seen)
  const { askers, heardAt, lookedUpAt, now, ruled, truths, violations } = on
  return {
    violations,
    ...Rows.watch(on),
    ...Calls.watch(on),
    ...Answers.watch(on),
    heard: ({ keys = [] }, process) => {
      for (const key of keys) heardAt.set(`${process} ${Case.nameOf(key)}`, now())
    },
    lookedUp: ({ at, name }) => void lookedUpAt.set(name, at),
    told: (call) => void truths.push(call),
    isKept: () => Case.unkept(on).length === 0,
    jumped: (byMillis) => {
      on.jumpedAt = now()
      on.setBackMillis -= Math.min(0, byMillis)
    },
    asked: (asker) => void askers.set(asker.name, [...(askers.get(asker.name) ?? []), asker]),
    ruled: (name) => void ruled.add(name)
  }
}
