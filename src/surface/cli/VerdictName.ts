/**
 * VerdictName: what a person can say about an attempt, by the words of the command line, and which of
 * it the key's state allows. The table in the kernel's `Lifecycle` is what decides.
 */
import type { Ruling } from "../../kernel/lifecycle/KeyRow.ts"
import { type EventName, type State, transitions } from "../../kernel/lifecycle/Lifecycle.ts"

export const verdictNames = ["happened", "release", "abandon", "reopen"] as const
export type VerdictName = (typeof verdictNames)[number]

const events: Readonly<Record<VerdictName, EventName>> = {
  happened: "it_happened",
  release: "release",
  abandon: "abandon",
  reopen: "reopen"
}

/** What each says about the world, to be read before it is said. */
export const meanings: Readonly<Record<VerdictName, string>> = {
  happened: "It happened: the key is done, whoever asks gets that receipt, nothing is sent",
  release: "It did not happen: the key is free, whoever asks next performs it",
  abandon: "It is given up: the key is spent, never performed, whoever asks is told so",
  reopen: "It was refused and may be tried again: the key is free, whoever asks next performs it"
}

/** What becomes of the key once it is said. */
export const consequences: Readonly<Record<VerdictName, string>> = {
  happened: "It is done: whoever asks for it gets this receipt, and nothing is sent.",
  release: "The key is free: whoever asks for it next performs it.",
  abandon: "The key is spent: it is never performed, and whoever asks is told so.",
  reopen: "The key is free: whoever asks for it next performs it, under a new key at the provider."
}

/** What can be said of a key in this state. */
export const allowed = (state: State): ReadonlyArray<VerdictName> =>
  verdictNames.filter((name) =>
    transitions.some(({ event, from }) => event === events[name] && from.includes(state))
  )

/** Whether the verdict says that nothing was performed, which can be too early to know. */
export const canBeTooEarly = (name: VerdictName): boolean =>
  transitions.some(({ event, when }) => event === events[name] && when.includes("lateOrForced"))

/** The kernel's word for it. */
export const rulingOf = (name: VerdictName, body: string | null): Ruling => {
  switch (name) {
    case "happened":
      return { _tag: "ItHappened", body }
    case "release":
      return { _tag: "Release" }
    case "abandon":
      return { _tag: "Abandon" }
    case "reopen":
      return { _tag: "Reopen" }
  }
}

/** The command that gives a verdict, to be completed and typed. */
export const commandFor = (verdict: VerdictName, name: string, attempt: number): string =>
  `npx fibric doubt resolve ${name} --attempt ${attempt} --verdict ${verdict} --by "<your name>" --reason "<how you know>"`
