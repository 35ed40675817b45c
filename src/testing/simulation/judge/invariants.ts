/**
 * invariants: what must hold in every simulation, by name.
 */

/** Each invariant, and what it says. */
export const invariants = {
  ONE_EFFECT:
    "a key has at most one effect, unless it was released on somebody's word, or the ledger's clock was set back by more than a resend's margin",
  CLAIM_FIRST: "an effect is begun for an attempt that the ledger gave to it",
  FRESH_START:
    "a call begins while its attempt is performing, unless its process was stopped, or the ledger's clock jumped",
  NO_RE_ARM: "a new attempt begins from none, from released, or as a resend that was declared and is bounded",
  ONE_IN_FLIGHT: "an entity has at most one action in flight, and at most one that holds its lane",
  NO_OVERLAP:
    "two actions of an entity don't happen side by side, unless one is in doubt and lets others pass",
  PROVEN_NONE: "an attempt that is marked as not performed or refused had no effect",
  PERFORMED: "who is told of a success has one in the world",
  SAME_RECEIPT: "everybody who is told of a success is given the same receipt and the same output",
  LOGGED: "a repeat's receipt is in the ledger before the repeat is answered",
  COUNTED: "no more repeats are written down than were asked, and all of them where nothing was lost",
  ANSWERED: "everybody who asked a process that lives is answered",
  NOT_CUT_OFF:
    "who still waits is not told of a shutdown that there is not, is not interrupted, and meets no defect",
  ENDED: "when faults have ended, nothing stays in flight, and what can be found out is found out",
  TRUTH_KEPT: "a success that a living process was told of stands in the ledger",
  DONE_STAYS: "what is done stays done",
  WORD_IN_TIME:
    "a lookup that finds nothing releases a key only where it began after the time that was declared for it",
  SAME_ACTION: "who is told of a success asked for what the attempt was claimed for that has settled the key",
  TURN_ORDER: "nobody claims a lane while a living worker that came before waits for it",
  STATE:
    "an entity's state changes once for each action that was performed, and is never claimed on an old one",
  ONE_RECEIPT: "a move of a key has one receipt, and that stands for it"
} as const

export type InvariantName = keyof typeof invariants

export interface Violation {
  readonly invariant: InvariantName
  readonly detail: string
  /** In milliseconds of the simulation. */
  readonly at: number
}

/** Somebody who asks a process for an action. */
export interface Asker {
  readonly name: string
  readonly fingerprint: string
  readonly isOfLivingProcess: () => boolean
  /** Nobody waits any more: it was interrupted. */
  hasLeft: boolean
  answer: Answer | undefined
}

/** What an asker was told. `isRecorded`: the ledger stands behind it. */
export interface Answer {
  readonly tag: string
  readonly isRecorded: boolean
  readonly success?: { readonly receiptId: string; readonly output: unknown }
}
