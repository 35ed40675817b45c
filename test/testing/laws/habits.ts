/**
 * Every bad habit with the law that is there for it, and the honest connectors that break none.
 */
import type { Effect } from "effect"
import * as Laws from "fibric/testing/laws"
import { type Habit, holding, lookingUp, resending } from "./bells.ts"
import { inLedger, type LedgerHabit } from "./ledger-bells.ts"

/** Fails only where the subject, or the database that it needs, does not work. */
type Reporting = Effect.Effect<Laws.Report, Effect.Error<ReturnType<typeof inLedger>>>

export interface Bad {
  readonly name: Habit | LedgerHabit
  /** The laws that it breaks, in their order, and no others: the first one is there for it. */
  readonly breaks: Breaks
  readonly report: Reporting
}

type Breaks = readonly [law: Laws.LawName, ...also: ReadonlyArray<Laws.LawName>]

const hold = (name: Habit, ...breaks: Breaks): Bad => ({ name, breaks, report: Laws.run(holding(name)) })
const resend = (name: Habit, ...breaks: Breaks): Bad => ({ name, breaks, report: Laws.run(resending(name)) })
const lookup = (name: Habit, ...breaks: Breaks): Bad => ({ name, breaks, report: Laws.run(lookingUp(name)) })
const ledger = (name: LedgerHabit, ...breaks: Breaks): Bad => ({ name, breaks, report: inLedger(name) })

export const bad: ReadonlyArray<Bad> = [
  hold("retrying", "one call, one effect", "no retries of its own"),
  hold("reconnecting", "no retries of its own"),
  hold("restless", "no retries of its own", "recovery as declared"),
  hold("optimistic", "success only with the effect", "a refusal is a refusal"),
  hold("pessimistic", "no denial of an effect"),
  hold("leaking", "no secret is told"),
  hold("deaf", "the deadline is kept"),
  hold("lingering", "the deadline is kept"),
  hold("vague", "a refusal is a refusal"),
  resend("forgetful", "recovery as declared"),
  resend("stuck", "recovery as declared"),
  resend("blurting", "no secret is told", "recovery as declared"),
  lookup("blind", "recovery as declared"),
  lookup("guessing", "recovery as declared"),
  lookup("hasty", "recovery as declared"),
  lookup("indiscreet", "no secret is told"),
  ledger("outside", "no denial of an effect", "no retries of its own", "recovery as declared"),
  ledger("committing", "undisturbed, it is performed", "no denial of an effect", "recovery as declared"),
  ledger(
    "tardy",
    "undisturbed, it is performed",
    "one call, one effect",
    "no denial of an effect",
    "the deadline is kept",
    "no retries of its own",
    "recovery as declared"
  )
]

export const honest: ReadonlyArray<Pick<Bad, "report"> & { readonly name: string }> = [
  { name: "bell (hold)", report: Laws.run(holding()) },
  { name: "bell (resend)", report: Laws.run(resending()) },
  { name: "bell (lookup)", report: Laws.run(lookingUp()) },
  { name: "bell (transactional)", report: inLedger() }
]
