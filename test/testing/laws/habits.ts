/**
 * Every bad habit with the law that is there for it, and the honest connectors that break none.
 */
import type { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { type Habit, holding, lookingUp, resending } from "./bells.ts"

export interface Bad {
  readonly name: Habit
  /** The laws that it breaks, in their order, and no others: the first one is there for it. */
  readonly breaks: Breaks
  readonly report: Effect.Effect<Laws.Report, Laws.SubjectUnfit>
}

type Breaks = readonly [law: Laws.LawName, ...also: ReadonlyArray<Laws.LawName>]

const hold = (name: Habit, ...breaks: Breaks): Bad => ({ name, breaks, report: Laws.run(holding(name)) })
const resend = (name: Habit, ...breaks: Breaks): Bad => ({ name, breaks, report: Laws.run(resending(name)) })
const lookup = (name: Habit, ...breaks: Breaks): Bad => ({ name, breaks, report: Laws.run(lookingUp(name)) })

export const bad: ReadonlyArray<Bad> = [
  hold("retrying", "one call, one effect", "no retries of its own"),
  hold("reconnecting", "no retries of its own"),
  hold("optimistic", "success only with the effect"),
  hold("pessimistic", "no denial of an effect"),
  hold("leaking", "no secret is told"),
  hold("deaf", "the deadline is kept"),
  hold("lingering", "the deadline is kept"),
  hold("vague", "a refusal is a refusal"),
  resend("forgetful", "recovery as declared"),
  resend("stuck", "recovery as declared"),
  lookup("blind", "recovery as declared"),
  lookup("guessing", "recovery as declared")
]

export const honest: ReadonlyArray<Pick<Bad, "report"> & { readonly name: string }> = [
  { name: "bell (hold)", report: Laws.run(holding()) },
  { name: "bell (resend)", report: Laws.run(resending()) },
  { name: "bell (lookup)", report: Laws.run(lookingUp()) }
]
