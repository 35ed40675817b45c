/**
 * A key's life, as a table: every state meets every event, on a ledger with nothing else in it. What is
 * expected stands here once more, apart from the code's own table, and each row of that is walked.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import type { Outcome } from "../../src/domain/Receipt.ts"
import * as Recovery from "../../src/domain/Recovery.ts"
import { type Claim, Ledger } from "../../src/kernel/Ledger.ts"
import type { Evidence } from "../../src/kernel/Evidence.ts"
import type { Event, Ruling } from "../../src/kernel/lifecycle/KeyRow.ts"
import * as Lifecycle from "../../src/kernel/lifecycle/Lifecycle.ts"
import { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import {
  alive,
  claimed,
  claimOf,
  keyOf,
  notPerformed,
  performed,
  performedAs,
  refused,
  settle,
  unknown
} from "./keys.ts"

type State = Lifecycle.State | "none"

/** What became of an event: where the key is then, and the receipt that was written. */
type Cell = "refused" | "stays" | `${Lifecycle.State}` | `${Lifecycle.State} ${Outcome}`

const key = keyOf("1")

/** What every state makes of every event, for a key with one attempt whose recovery is `hold`. */
export const expected: Readonly<Record<State, Readonly<Record<Lifecycle.EventName, Cell>>>> = {
  none: {
    claim: "performing",
    resend: "refused",
    success: "refused",
    refusal: "refused",
    not_performed: "refused",
    unknown: "refused",
    silence: "refused",
    run_ended: "refused",
    found: "refused",
    nothing_found: "refused",
    it_happened: "refused",
    release: "refused",
    abandon: "refused",
    reopen: "refused"
  },
  performing: {
    claim: "refused",
    resend: "refused",
    success: "done performed",
    refusal: "refused refused",
    not_performed: "released released",
    unknown: "in_doubt in_doubt",
    silence: "in_doubt in_doubt",
    run_ended: "refused",
    found: "done resolved",
    nothing_found: "stays",
    it_happened: "done resolved",
    release: "refused",
    abandon: "refused",
    reopen: "refused"
  },
  in_doubt: {
    claim: "refused",
    resend: "refused",
    success: "done resolved",
    refusal: "refused refused",
    not_performed: "released released",
    unknown: "stays",
    silence: "refused",
    run_ended: "refused",
    found: "done resolved",
    nothing_found: "stays",
    it_happened: "done resolved",
    release: "released released",
    abandon: "abandoned abandoned",
    reopen: "refused"
  },
  released: {
    claim: "performing",
    resend: "refused",
    success: "done resolved",
    refusal: "stays",
    not_performed: "stays",
    unknown: "stays",
    silence: "refused",
    run_ended: "refused",
    found: "done resolved",
    nothing_found: "stays",
    it_happened: "done resolved",
    release: "refused",
    abandon: "refused",
    reopen: "refused"
  },
  refused: {
    claim: "refused",
    resend: "refused",
    success: "done resolved",
    refusal: "stays",
    not_performed: "stays",
    unknown: "stays",
    silence: "refused",
    run_ended: "refused",
    found: "done resolved",
    nothing_found: "stays",
    it_happened: "done resolved",
    release: "refused",
    abandon: "refused",
    reopen: "released reopened"
  },
  done: {
    claim: "refused",
    resend: "refused",
    success: "stays",
    refusal: "stays",
    not_performed: "stays",
    unknown: "stays",
    silence: "refused",
    run_ended: "refused",
    found: "stays",
    nothing_found: "stays",
    it_happened: "refused",
    release: "refused",
    abandon: "refused",
    reopen: "refused"
  },
  abandoned: {
    claim: "refused",
    resend: "refused",
    success: "done resolved",
    refusal: "stays",
    not_performed: "stays",
    unknown: "stays",
    silence: "refused",
    run_ended: "refused",
    found: "done resolved",
    nothing_found: "stays",
    it_happened: "done resolved",
    release: "refused",
    abandon: "refused",
    reopen: "refused"
  }
}

const ruling = (ruling: Ruling, attempt = 1, force = true): Event => ({
  _tag: "Ruling",
  attempt,
  ruling,
  operator: "dana",
  reason: "the provider's list was read",
  force
})

const apply = Effect.fnUntraced(function* (event: Event) {
  const ledger = yield* Ledger
  return yield* ledger.apply(key, event, yield* Identifiers.ordered)
})

/** Brings the key into a state; gives its claim, for what its call says later. */
const arrange = Effect.fnUntraced(function* (state: State, event: Lifecycle.EventName) {
  if (state === "none") return yield* claimOf(yield* alive, key)
  // A row that is to be silent is overdue from its first moment.
  const claim = yield* claimed(key, event === "silence" ? { doubtAfterMillis: -1 } : {})
  switch (state) {
    case "performing":
      break
    case "in_doubt":
      yield* settle(claim, unknown)
      break
    case "released":
      yield* settle(claim, notPerformed)
      break
    case "refused":
      yield* settle(claim, refused)
      break
    case "done":
      yield* settle(claim, performed)
      break
    case "abandoned":
      yield* settle(claim, unknown)
      yield* apply(ruling({ _tag: "Abandon" }))
  }
  return claim
})

const lookup = (found: string | null, startedAtMillis = 0): Event => ({
  _tag: "Lookup",
  attempt: 1,
  found: found === null ? null : { body: `{"messageId":"${found}"}`, effectId: found },
  startedAtMillis
})

/** Lets the event happen. `true`: the ledger took it. */
const happen = Effect.fnUntraced(function* (state: State, event: Lifecycle.EventName, claim: Claim) {
  const ledger = yield* Ledger
  const taken = (answer: { readonly _tag: string }) => answer._tag !== "Refused"
  switch (event) {
    case "claim": {
      const next = yield* claimOf(claim.worker, key, { seenAttempt: state === "none" ? 0 : 1 })
      return (yield* ledger.claim(next))._tag === "Claimed"
    }
    case "resend": {
      const next = yield* claimOf(claim.worker, key, { seenAttempt: 1 })
      return (yield* ledger.resend(next))._tag === "Claimed"
    }
    case "success":
      return taken(yield* settle(claim, performed))
    case "refusal":
      return taken(yield* settle(claim, refused))
    case "not_performed":
      return taken(yield* settle(claim, notPerformed))
    case "unknown":
      return taken(yield* settle(claim, unknown))
    case "silence":
      return (yield* ledger.reap([yield* Identifiers.ordered])).length > 0
    case "run_ended":
      return taken(yield* apply({ _tag: "RunEnded", attempt: 1 }))
    case "found":
      return taken(yield* apply(lookup("m-1")))
    case "nothing_found":
      return taken(yield* apply(lookup(null)))
    case "it_happened":
      return taken(yield* apply(ruling({ _tag: "ItHappened", body: null })))
    case "release":
      return taken(yield* apply(ruling({ _tag: "Release" })))
    case "abandon":
      return taken(yield* apply(ruling({ _tag: "Abandon" })))
    case "reopen":
      return taken(yield* apply(ruling({ _tag: "Reopen" })))
  }
})

const stateNow = Effect.gen(function* () {
  const ledger = yield* Ledger
  return (yield* ledger.find(key))?.state ?? ("none" as const)
})

/** Lets the event happen and says what became of it, in the words of the table. */
const outcomeOf = Effect.fnUntraced(function* <E, R>(event: Effect.Effect<boolean, E, R>) {
  const log = yield* ReceiptLog
  const before = yield* stateNow
  const receiptsBefore = yield* log.byKey(key)
  const taken = yield* event
  const receipts = yield* log.byKey(key)
  const written = receipts.slice(receiptsBefore.length).map(({ outcome }) => outcome)
  const after = yield* stateNow
  if (!taken || (written.length === 0 && after === before)) {
    assert.strictEqual(after, before)
    assert.deepStrictEqual(written, [])
    return taken ? "stays" : "refused"
  }
  return [after, ...written].join(" ")
})

/** An instant that every deadline, lag and quarantine has passed by. */
const farFuture = 4_000_000_000_000

const resendable = Recovery.resend({ window: "1 hour" })
const replaying = Recovery.resend({ window: "1 hour", replays: true })

/** Two attempts: the first unknown, the second sent again under the same provider key. */
const sentAgain = Effect.fnUntraced(function* (recovery: Recovery.Recovery) {
  const ledger = yield* Ledger
  const first = yield* claimed(key, { recovery, request: "{}" })
  yield* settle(first, unknown)
  const second = yield* claimOf(first.worker, key, { seenAttempt: 1 })
  assert.deepStrictEqual(yield* ledger.resend(second), { _tag: "Claimed", attempt: 2, generation: 0 })
  return { first, second }
})

/** Two attempts: the first released on a person's word, the second a new claim. */
const releasedAndClaimed = Effect.gen(function* () {
  const ledger = yield* Ledger
  const first = yield* claimed(key)
  yield* settle(first, unknown)
  yield* apply(ruling({ _tag: "Release" }))
  const second = yield* claimOf(first.worker, key, { seenAttempt: 1 })
  assert.deepStrictEqual(yield* ledger.claim(second), { _tag: "Claimed", attempt: 2, generation: 0 })
  return { first, second }
})

const took = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.as(effect, true)

interface Walk {
  readonly row: Pick<Lifecycle.Transition, "event" | "when"> & { readonly from: State }
  readonly cell: Cell
  readonly walk: Effect.Effect<string, unknown, Ledger | ReceiptLog>
}

const walk = (
  event: Lifecycle.EventName,
  from: State,
  when: Lifecycle.Transition["when"],
  cell: Cell,
  walk: Walk["walk"]
): Walk => ({ row: { event, from, when }, cell, walk })

/** One attempt that is claimed under a recovery, and what happens to it then. */
const alone = (
  options: Partial<Claim>,
  before: ReadonlyArray<Evidence>,
  last: (claim: Claim) => Effect.Effect<unknown, unknown, Ledger | ReceiptLog>
) =>
  Effect.gen(function* () {
    const claim = yield* claimed(key, options)
    for (const evidence of before) yield* settle(claim, evidence)
    return yield* outcomeOf(took(last(claim)))
  })

type Step = readonly [which: "first" | "second", evidence: Evidence]

/** Two attempts under one provider key, what is heard of them, and what the last word makes of it. */
const together = (recovery: Recovery.Recovery, ...steps: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    const attempts = yield* sentAgain(recovery)
    let outcome = "nothing was heard"
    for (const [which, evidence] of steps) {
      outcome = yield* outcomeOf(took(settle(attempts[which], evidence)))
    }
    return outcome
  })

const reap = Effect.gen(function* () {
  const ledger = yield* Ledger
  return yield* ledger.reap([yield* Identifiers.ordered])
})

const overdue = { recovery: Recovery.transactional, doubtAfterMillis: -1 }
const stored = { request: "{}" }
const lettingGo = Recovery.lookup({ lag: 0, quarantine: 0, releaseAfter: "1 minute" })

/** Ways through the rows that ask for more than one attempt, or another recovery. */
const walks: ReadonlyArray<Walk> = [
  walk(
    "resend",
    "in_doubt",
    ["windowOpen"],
    "performing",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const first = yield* claimed(key, { recovery: resendable, ...stored })
      yield* settle(first, unknown)
      const second = yield* claimOf(first.worker, key, { seenAttempt: 1 })
      return yield* outcomeOf(Effect.map(ledger.resend(second), ({ _tag }) => _tag === "Claimed"))
    })
  ),
  walk("success", "performing", [], "done resolved", together(resendable, ["first", performed])),
  walk(
    "success",
    "done",
    ["anotherEffect"],
    "done duplicate_observed",
    Effect.gen(function* () {
      const { first, second } = yield* releasedAndClaimed
      yield* settle(second, performedAs("m-2"))
      return yield* outcomeOf(took(settle(first, performedAs("m-1"))))
    })
  ),
  walk(
    "refusal",
    "performing",
    ["current", "replayed"],
    "refused refused",
    together(replaying, ["second", refused])
  ),
  walk("refusal", "performing", ["current"], "in_doubt in_doubt", together(resendable, ["second", refused])),
  walk("refusal", "performing", [], "stays", together(resendable, ["first", refused])),
  walk(
    "refusal",
    "in_doubt",
    ["replayed"],
    "refused refused",
    together(replaying, ["second", unknown], ["second", refused])
  ),
  walk("refusal", "in_doubt", [], "stays", together(resendable, ["second", unknown], ["first", refused])),
  walk(
    "not_performed",
    "performing",
    ["current", "othersProven", "refusedBefore"],
    "refused refused",
    together(resendable, ["first", refused], ["second", notPerformed])
  ),
  walk(
    "not_performed",
    "performing",
    ["current"],
    "in_doubt in_doubt",
    together(resendable, ["second", notPerformed])
  ),
  walk("not_performed", "performing", [], "stays", together(resendable, ["first", notPerformed])),
  walk(
    "not_performed",
    "in_doubt",
    ["othersProven", "refusedBefore"],
    "refused refused",
    together(resendable, ["second", unknown], ["first", refused], ["second", notPerformed])
  ),
  walk(
    "not_performed",
    "in_doubt",
    [],
    "stays",
    together(resendable, ["second", unknown], ["first", notPerformed])
  ),
  walk(
    "unknown",
    "performing",
    ["current", "transactional"],
    "released released",
    alone({ recovery: Recovery.transactional }, [], (claim) => settle(claim, unknown))
  ),
  walk("unknown", "performing", [], "stays", together(resendable, ["first", unknown])),
  walk(
    "silence",
    "performing",
    ["transactional"],
    "released released",
    alone(overdue, [], () => reap)
  ),
  walk(
    "found",
    "done",
    ["anotherEffect"],
    "done duplicate_observed",
    alone({}, [performedAs("m-1")], () => apply(lookup("m-2")))
  ),
  walk(
    "nothing_found",
    "in_doubt",
    ["current", "enough"],
    "released released",
    alone({ recovery: lettingGo, ...stored }, [unknown], () => apply(lookup(null, farFuture)))
  ),
  walk(
    "silence",
    "in_doubt",
    ["stepsClosed"],
    "released released",
    alone({ recovery: Recovery.replay }, [unknown], () => reap)
  ),
  walk(
    "run_ended",
    "in_doubt",
    ["stepsClosed"],
    "released released",
    alone({ recovery: Recovery.replay }, [unknown], () => apply({ _tag: "RunEnded", attempt: 1 }))
  )
]

/** Runs the table against an implementation, with a new, empty ledger for each cell. */
export const lifecycleContract = <E>(name: string, layer: Layer.Layer<Ledger | ReceiptLog, E>): void => {
  const law = (sentence: string, body: () => Effect.Effect<void, unknown, Ledger | ReceiptLog>) =>
    it.live(sentence, () => Effect.provide(body(), layer))

  describe(`${name}: every state meets every event`, () => {
    for (const state of Lifecycle.states) {
      for (const event of Lifecycle.events) {
        const cell = expected[state][event]
        law(`${state} × ${event}: ${cell}`, () =>
          Effect.gen(function* () {
            const claim = yield* arrange(state, event)
            assert.strictEqual(yield* outcomeOf(happen(state, event, claim)), cell)
          })
        )
      }
    }
  })

  describe(`${name}: the rows that ask for more`, () => {
    for (const { cell, row, walk } of walks) {
      law(`${row.from} × ${row.event}, ${row.when.join(" and ") || "otherwise"}: ${cell}`, () =>
        Effect.gen(function* () {
          assert.strictEqual(yield* walk, cell)
        })
      )
    }
  })
}

/** The rows of the code's table that neither the matrix nor a walk goes through. */
export const unwalked = (): ReadonlyArray<string> =>
  Lifecycle.transitions.flatMap((transition) =>
    transition.from.flatMap((from) => {
      const walked = walks.some(
        ({ row }) =>
          row.event === transition.event && row.from === from && row.when.join() === transition.when.join()
      )
      const usual = Lifecycle.find(from, transition.event, (condition) => usually.has(condition))
      return walked || usual === transition
        ? []
        : [`${from} × ${transition.event}, ${transition.when.join(" and ")}`]
    })
  )

/** What holds for a key with one attempt, whose recovery is `hold`, and a person who insists. */
const usually: ReadonlySet<Lifecycle.Condition> = new Set(["current", "othersProven", "lateOrForced"])
