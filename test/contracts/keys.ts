/**
 * Keys in the states that the contracts begin with: claims in the name of a worker that is alive, and
 * how their calls end.
 */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { IdempotencyKey } from "../../src/domain/IdempotencyKey.ts"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import type { Outcome } from "../../src/domain/Receipt.ts"
import * as Recovery from "../../src/domain/Recovery.ts"
import type { Evidence } from "../../src/kernel/Evidence.ts"
import { type Claim, Ledger, type Repeat } from "../../src/kernel/Ledger.ts"

/** How many rows of one entity may wait in the outbox. */
export const outboxCapacity = 5

export const performed: Evidence = { _tag: "Performed", body: `{"messageId":"m-1"}`, effectId: null }
/** A success that the provider calls by a name. */
export const performedAs = (effectId: string): Evidence => ({
  _tag: "Performed",
  body: `{"messageId":"${effectId}"}`,
  effectId
})
export const refused: Evidence = { _tag: "Refused", body: `{"code":550}` }
export const notPerformed: Evidence = {
  _tag: "NotPerformed",
  proof: "never_sent",
  reason: "connection refused"
}
export const unknown: Evidence = { _tag: "Unknown", reason: "the answer never came" }

export const keyOf = (id: string, occasion = "shipped", type = "order") =>
  new IdempotencyKey("notify", { type, id }, occasion)

/** A worker that is alive for a minute, and a claim in its name. */
export const alive = Effect.gen(function* () {
  const ledger = yield* Ledger
  const worker = yield* Identifiers.token
  assert.isTrue(yield* ledger.beat(worker, 60_000))
  return worker
})

export const claimOf = Effect.fnUntraced(function* (
  worker: string,
  key: IdempotencyKey,
  changes: Partial<Claim> = {}
) {
  const claim: Claim = {
    key,
    lane: key.entityHash,
    token: yield* Identifiers.token,
    worker,
    operator: "shipping",
    fingerprint: "1:aa",
    paths: { "/to": "11" },
    seenAttempt: 0,
    doubtHoldsLane: true,
    passesDoubt: false,
    basis: null,
    root: null,
    doubtAfterMillis: 60_000,
    recovery: Recovery.hold,
    deadlineMillis: 20_000,
    request: null,
    ...changes
  }
  return claim
})

export const settle = Effect.fnUntraced(function* (claim: Claim, evidence: Evidence, receiptId?: string) {
  const ledger = yield* Ledger
  return yield* ledger.settle({
    key: claim.key,
    token: claim.token,
    lane: claim.lane,
    receiptId: receiptId ?? (yield* Identifiers.ordered),
    evidence,
    durationMillis: 12
  })
})

/** Claims a new key, in the name of a worker that is alive, and settles it. */
export const claimed = Effect.fnUntraced(function* (key: IdempotencyKey, changes: Partial<Claim> = {}) {
  const ledger = yield* Ledger
  const claim = yield* claimOf(changes.worker ?? (yield* alive), key, changes)
  const verdict = yield* ledger.claim(claim)
  assert.deepStrictEqual(verdict, { _tag: "Claimed", attempt: 1, generation: 0 })
  return claim
})

export const stateOf = Effect.fnUntraced(function* (key: IdempotencyKey) {
  const ledger = yield* Ledger
  const entry = yield* ledger.find(key)
  return entry === undefined ? undefined : { state: entry.state, attempt: entry.attempt }
})

export const repeatOf = Effect.fnUntraced(function* (key: IdempotencyKey, outcome: Outcome, count: number) {
  const repeat: Repeat = {
    receiptId: yield* Identifiers.ordered,
    key,
    outcome,
    operator: "agent",
    count,
    refersTo: null,
    reason: null
  }
  return repeat
})

/** Records repeats as a batch of their own; the batch, to be run again, and its receipts. */
export const recordAll = Effect.fnUntraced(function* (repeats: ReadonlyArray<Repeat>, validMillis = 60_000) {
  const ledger = yield* Ledger
  const batch = { id: yield* Identifiers.ordered, notAfterMillis: (yield* ledger.now) + validMillis, repeats }
  return { batch, recorded: yield* ledger.record(batch) }
})

export const freshIds = (count: number) => Effect.replicateEffect(Identifiers.ordered, count)
