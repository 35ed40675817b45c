/**
 * Lifecycle: a key's life as one table. Every ledger decides by it, and adds only that what was decided
 * holds for the row that was read. Two statements on Postgres say rows of it again, to be one statement
 * (`settleSole`, `reap`), and `NextAttempt` says what the new attempt of `claim` and `resend` begins
 * with; the contract suite walks the table and holds them to it.
 *
 * The rule behind the rows: evidence belongs to an attempt. A key is free again, or refused, only when
 * every attempt of it is proven not performed; one attempt that happened is enough to call it done,
 * whenever that is heard. What nobody knows is in doubt.
 */
import type { Outcome } from "../../domain/Receipt.ts"

/**
 * Where a key stands. `none`: nobody asked. `performing`: one attempt is dispatched. `in_doubt`:
 * dispatched, no outcome known. `released`: nothing was performed, free again. `refused` and `done`:
 * settled for good. `abandoned`: given up in doubt, spent.
 */
export const states = ["none", "performing", "in_doubt", "released", "refused", "done", "abandoned"] as const
export type State = Exclude<(typeof states)[number], "none">

/**
 * What can happen to a key.
 *
 * - `claim`, `resend`: a new attempt is wanted, by an asker or by the declared recovery
 * - `success`, `refusal`, `not_performed`, `unknown`: how an attempt's call ended, in time or late
 * - `silence`: its own time has passed, or its worker's lease has
 * - `run_ended`: a program's run has ended before its end
 * - `found`, `nothing_found`: what the provider says when it is asked
 * - `it_happened`, `release`, `abandon`, `reopen`: what a person says, by name
 */
export const events = [
  "claim",
  "resend",
  "success",
  "refusal",
  "not_performed",
  "unknown",
  "silence",
  "run_ended",
  "found",
  "nothing_found",
  "it_happened",
  "release",
  "abandon",
  "reopen"
] as const
export type EventName = (typeof events)[number]

/** What a row of the table may ask of the key before it applies, each with its meaning. */
export const conditions = {
  current: "it is the current attempt's",
  othersProven: "every other attempt is proven not performed",
  replayed:
    "the provider is declared to replay its first answer, inside its window, and no other payload is open",
  refusedBefore: "another attempt for the same payload was refused",
  transactional: "the capability is transactional: what did not commit did not happen",
  stepsClosed: "it is a program, and none of its steps is open",
  windowOpen: "the provider still recognises the key, and attempts are left",
  enough: "`releaseAfter` is declared, and the lookup started late enough",
  lateOrForced: "deadline, lag and quarantine have passed, or it is said with force",
  anotherEffect: "it is another effect at the provider"
} as const
export type Condition = keyof typeof conditions

/** One row: the first whose condition holds applies. `stays`: the evidence is kept, the state is not changed. */
export interface Transition {
  readonly event: EventName
  readonly from: ReadonlyArray<State | "none">
  readonly when: ReadonlyArray<Condition>
  readonly to: State | "stays"
  /** The receipt that the transition writes; a new attempt's comes with its end. */
  readonly receipt: Outcome | null
}

const row = (
  event: EventName,
  from: Transition["from"],
  when: Transition["when"],
  to: Transition["to"],
  receipt: Transition["receipt"]
): Transition => ({ event, from, when, to, receipt })

const anyState = ["performing", "in_doubt", "released", "refused", "done", "abandoned"] as const
const anyButDone = ["performing", "in_doubt", "released", "refused", "abandoned"] as const

/** A key's life. A pair that no row has is refused and changes nothing. */
export const transitions: ReadonlyArray<Transition> = [
  row("claim", ["none", "released"], [], "performing", null),
  row("resend", ["in_doubt"], ["windowOpen"], "performing", null),

  row("success", ["performing"], ["current"], "done", "performed"),
  row("success", anyButDone, [], "done", "resolved"),
  row("success", ["done"], ["anotherEffect"], "done", "duplicate_observed"),
  row("success", ["done"], [], "stays", null),

  row("refusal", ["performing"], ["current", "othersProven"], "refused", "refused"),
  row("refusal", ["performing"], ["current", "replayed"], "refused", "refused"),
  row("refusal", ["performing"], ["current"], "in_doubt", "in_doubt"),
  row("refusal", ["in_doubt"], ["othersProven"], "refused", "refused"),
  row("refusal", ["in_doubt"], ["replayed"], "refused", "refused"),
  row("refusal", anyState, [], "stays", null),

  row("not_performed", ["performing"], ["current", "othersProven", "refusedBefore"], "refused", "refused"),
  row("not_performed", ["performing"], ["current", "othersProven"], "released", "released"),
  row("not_performed", ["performing"], ["current"], "in_doubt", "in_doubt"),
  row("not_performed", ["in_doubt"], ["othersProven", "refusedBefore"], "refused", "refused"),
  row("not_performed", ["in_doubt"], ["othersProven"], "released", "released"),
  row("not_performed", anyState, [], "stays", null),

  row("unknown", ["performing"], ["current", "transactional"], "released", "released"),
  row("unknown", ["performing"], ["current"], "in_doubt", "in_doubt"),
  row("unknown", anyState, [], "stays", null),

  row("silence", ["performing", "in_doubt"], ["transactional"], "released", "released"),
  row("silence", ["in_doubt"], ["stepsClosed"], "released", "released"),
  row("silence", ["performing"], [], "in_doubt", "in_doubt"),
  row("run_ended", ["in_doubt"], ["stepsClosed"], "released", "released"),

  row("found", anyButDone, [], "done", "resolved"),
  row("found", ["done"], ["anotherEffect"], "done", "duplicate_observed"),
  row("found", ["done"], [], "stays", null),
  row("nothing_found", ["in_doubt"], ["current", "enough"], "released", "released"),
  row("nothing_found", anyState, [], "stays", null),

  row("it_happened", anyButDone, [], "done", "resolved"),
  row("release", ["in_doubt"], ["lateOrForced"], "released", "released"),
  row("abandon", ["in_doubt"], ["lateOrForced"], "abandoned", "abandoned"),
  row("reopen", ["refused"], [], "released", "reopened")
]

/** The row that applies to a state and an event, given which conditions hold. */
export const find = (
  state: State | "none",
  event: EventName,
  holds: (condition: Condition) => boolean
): Transition | undefined =>
  transitions.find(
    (transition) =>
      transition.event === event && transition.from.includes(state) && transition.when.every(holds)
  )
