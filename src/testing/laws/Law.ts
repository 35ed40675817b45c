/**
 * Law: what every connector has to keep, however the wire breaks.
 *
 * Each law judges one observation at a time and says what happened, what that means where money or a door
 * hangs on it, and what to do about it.
 */
import type { Evidence } from "../../kernel/Evidence.ts"
import type { Observation, Recovered } from "./Observation.ts"

/** The laws by name, in the order in which a report lists them. */
export const names = [
  "undisturbed, it is performed",
  "one call, one effect",
  "success only with the effect",
  "no denial of an effect",
  "the deadline is kept",
  "no retries of its own",
  "no secret is told",
  "recovery as declared",
  "a refusal is a refusal"
] as const

export type LawName = (typeof names)[number]

/** What a subject has declared that the laws need. */
export interface Declared {
  /** How many connections one call may use. */
  readonly connections: number
}

export interface Law {
  readonly name: LawName
  /** What it means to break it. */
  readonly means: string
  /** What to do about it. */
  readonly advice: string
  /** Whether it says anything about such a trial. */
  readonly applies: (seen: Observation) => boolean
  /** What happened against it, in a sentence; `undefined` where it is kept. */
  readonly against: (seen: Observation, declared: Declared) => string | undefined
}

const always = () => true

const undisturbed = ({ cut }: Observation): boolean => cut.connection === 0

const count = (effects: number): string => (effects === 1 ? "1 effect" : `${effects} effects`)

const claimed = (claim: Evidence): string => {
  switch (claim._tag) {
    case "Performed":
      return "success"
    case "Refused":
      return "the declared refusal"
    case "NotPerformed":
      return `NotPerformed (${claim.proof}: ${claim.reason})`
    case "Unknown":
      return `an unknown outcome (${claim.reason})`
  }
}

/** The provider's own word that it does not do it. */
const isNo = (claim: Evidence): boolean =>
  claim._tag === "Refused" || (claim._tag === "NotPerformed" && claim.proof === "provider_denies")

const performed: Law = {
  name: "undisturbed, it is performed",
  means: "Where nothing is performed nothing can be lost: the other laws were hardly tried.",
  advice: "Check that the action is one that the server takes, and that the connector reads its answer.",
  applies: (seen) => undisturbed(seen) && !seen.refused,
  against: ({ claim, effects }) =>
    claim._tag === "Performed" && effects === 1
      ? undefined
      : `The call ended with ${claimed(claim)}, and the server has ${count(effects)}.`
}

const oneEffect: Law = {
  name: "one call, one effect",
  means: "The world changed more than once for one intention.",
  advice:
    "Send the request once a call: no loop, no retry, no second connection after the first byte of the request. The kernel decides about new attempts.",
  applies: always,
  against: ({ effects }) => (effects <= 1 ? undefined : `One call left ${count(effects)} at the server.`)
}

const success: Law = {
  name: "success only with the effect",
  means: "A receipt says performed, and nobody will ever look again; it was not.",
  advice: "Succeed on the provider's complete, decoded confirmation of this request alone.",
  applies: always,
  against: ({ claim, effects }) =>
    claim._tag === "Performed" && effects === 0
      ? "The call claimed success, and nothing happened at the server."
      : undefined
}

const denial: Law = {
  name: "no denial of an effect",
  means: "The key is free or refused although the effect is there: whoever asks again gets a second one.",
  advice:
    "Once any part of the request may have reached the provider, a failure without the provider's own word is OutcomeUnknown.",
  applies: always,
  against: ({ claim, effects }) =>
    (claim._tag === "NotPerformed" || claim._tag === "Refused") && effects > 0
      ? `The call claimed ${claimed(claim)}, and the server has ${count(effects)}.`
      : undefined
}

const deadline: Law = {
  name: "the deadline is kept",
  means:
    "The kernel has called it doubtful by then, and a person or a recovery decides while it still acts; or it can't be closed.",
  advice:
    "Begin nothing near the end of call.deadlineMillis, close the connection when interrupted, and leave nothing running in the background.",
  applies: always,
  against: ({ begunLate, ended }) => {
    if (ended === "never") return "The call neither ended within its deadline nor when it was interrupted."
    return begunLate > 0
      ? `${count(begunLate)} began after the call had ended or its deadline had passed.`
      : undefined
  }
}

const retries: Law = {
  name: "no retries of its own",
  means: "The connector or its client library tries again by itself, behind the kernel's back.",
  advice:
    "Switch the client library's retries and reconnects off. If one call honestly needs several connections, declare how many.",
  applies: always,
  against: ({ connections }, declared) =>
    connections > declared.connections
      ? `One call used ${connections} connections; declared are ${declared.connections}.`
      : undefined
}

const secrecy: Law = {
  name: "no secret is told",
  means: "It stands in receipts, logs and traces, in many copies, for years.",
  advice:
    "Keep it Redacted up to the line that sends it, and build errors from what is safe to tell, never from a request or a library's error object.",
  applies: ({ secrets }) => secrets > 0,
  against: ({ leaks }) => (leaks.length === 0 ? undefined : `Told: ${leaks.join("; ")}.`)
}

const againstResend = (
  { refused }: Observation,
  { claim, effects, renewed }: Extract<Recovered, { _tag: "Resent" }>
): string | undefined => {
  const wanted = refused ? 0 : 1
  if (effects.length !== wanted) {
    const keys = new Set(effects.map(({ key }) => key)).size
    const how = effects.length > 1 ? ` under ${keys === 1 ? "one key" : `${keys} different keys`}` : ""
    return `After the same request was sent again, the server has ${count(effects.length)}${how}.`
  }
  if (effects.some(({ key }) => key === undefined)) return "The server was given no idempotency key."
  if (!refused && renewed === effects.length) {
    return "The next generation of call.key was taken for the one before: the provider's key does not follow it."
  }
  return isNo(claim) === refused && (refused || claim._tag === "Performed")
    ? undefined
    : `The request that was sent again ended with ${claimed(claim)}, on a wire that loses nothing.`
}

const againstLookup = (
  { effects: before }: Observation,
  { answer, cut, effects }: Extract<Recovered, { _tag: "LookedUp" }>
): string | undefined => {
  if (effects !== before) return `Looking it up changed something: ${count(before)} before, ${effects} after.`
  if (before > 0 && answer !== "found") return `The effect is there, and the lookup's answer: ${answer}.`
  if (before === 0 && answer !== "nothing") return `Nothing happened, and the lookup's answer: ${answer}.`
  const wrong = cut.find(([, answer]) => answer === "nothing")
  return wrong === undefined
    ? undefined
    : `The effect is there, and a lookup that could not be asked (${wrong[0]}) answered that there is nothing.`
}

const againstTransaction = (
  { refused }: Observation,
  { again, effects, fate }: Extract<Recovered, { _tag: "Transacted" }>
): string | undefined => {
  const wanted = refused ? 0 : 1
  switch (fate) {
    case "still open":
      return "The transaction was still open when its connection was long gone."
    case "committed":
      return effects === wanted
        ? undefined
        : `The transaction was committed, and the server has ${count(effects)}.`
    case "rolled back":
      if (effects > 0) return `The transaction was rolled back, and the server has ${count(effects)}.`
  }
  if (again === undefined) return undefined
  if (again.effects !== wanted) {
    return `After a rollback it was performed anew, and the server has ${count(again.effects)}.`
  }
  return isNo(again.claim) === refused && (refused || again.claim._tag === "Performed")
    ? undefined
    : `After a rollback it was performed anew, and ended with ${claimed(again.claim)}.`
}

const againstLeft = ({ connections }: Extract<Recovered, { _tag: "Left" }>): string | undefined =>
  connections === 0
    ? undefined
    : `${connections} more connections were used when the call had ended, and no person had decided.`

const againstRecovered = (seen: Observation, recovered: Recovered): string | undefined => {
  switch (recovered._tag) {
    case "Left":
      return againstLeft(recovered)
    case "Resent":
      return againstResend(seen, recovered)
    case "LookedUp":
      return againstLookup(seen, recovered)
    case "Transacted":
      return againstTransaction(seen, recovered)
  }
}

const recovery: Law = {
  name: "recovery as declared",
  means: "The kernel relies on the declaration when it resolves a doubt by itself.",
  advice:
    "For resend, send call.key as the provider's idempotency key, and nothing that changes between attempts. For lookup, find the effect by call.key, answer None on the provider's word alone, and fail where it can't be asked. For transactional, act through LedgerTransaction and by no other way. For hold, leave it at what the call came to.",
  applies: ({ recovered }) => recovered !== undefined,
  against: (seen) => seen.recovered && againstRecovered(seen, seen.recovered)
}

const refusal: Law = {
  name: "a refusal is a refusal",
  means:
    "A definite no is treated as a doubt, or as a success: a person has to decide what is known already.",
  advice: "Map the provider's refusal to the declared error, or to NotPerformed with provider_denies.",
  applies: ({ refused }) => refused,
  against: (seen) => {
    const { claim, effects } = seen
    if (effects > 0) return `The server was to refuse it, and has ${count(effects)}.`
    if (claim._tag === "Performed") return "The server refused it, and the call claimed success."
    // Where its answer is lost a refusal may be a doubt.
    return isNo(claim) || !undisturbed(seen)
      ? undefined
      : `The server refused it, and the call claimed ${claimed(claim)}.`
  }
}

/** All of them. A test sees to it that each name has its law. */
export const laws: ReadonlyArray<Law> = [
  performed,
  oneEffect,
  success,
  denial,
  deadline,
  retries,
  secrecy,
  recovery,
  refusal
]
