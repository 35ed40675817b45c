/**
 * The ledger's contract: one suite for every implementation. What it says here is what the executor
 * relies on; an implementation that passes may hold a promise.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, type Layer } from "effect"
import type { IdempotencyKey } from "../../src/domain/IdempotencyKey.ts"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { type KeyName, Ledger, type Recorded } from "../../src/kernel/Ledger.ts"
import { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import {
  alive,
  claimOf,
  claimed,
  freshIds,
  keyOf,
  notPerformed,
  performed,
  recordAll,
  refused,
  repeatOf,
  settle,
  stateOf,
  unknown
} from "./keys.ts"
import { fault } from "../support/fault.ts"

/** Runs the contract against an implementation, with a new, empty ledger for each test. */
export const ledgerContract = <E>(name: string, layer: Layer.Layer<Ledger | ReceiptLog, E>): void => {
  const law = (sentence: string, body: () => Effect.Effect<void, unknown, Ledger | ReceiptLog>) =>
    it.live(sentence, () => Effect.provide(body(), layer))

  describe(`${name}: claiming`, () => {
    law("a key that nobody asked for has no row", () =>
      Effect.gen(function* () {
        assert.isUndefined(yield* stateOf(keyOf("1")))
      })
    )

    law("a new key is claimed as the first attempt, and is performing from then on", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        const entry = yield* ledger.find(claim.key)
        assert.strictEqual(entry?.state, "performing")
        assert.strictEqual(entry?.fingerprint, "1:aa")
        assert.deepStrictEqual(entry?.paths, { "/to": "11" })
        assert.isNull(entry?.receipt)
      })
    )

    law("a key that is performing is not claimed again", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        const second = yield* claimOf(first.worker, first.key)
        assert.deepStrictEqual(yield* ledger.claim(second), { _tag: "Exists" })
      })
    )

    law("the identical claim, run again, gives the identical answer and one attempt", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        assert.deepStrictEqual(yield* ledger.claim(claim), { _tag: "Claimed", attempt: 1, generation: 0 })
        assert.deepStrictEqual(yield* stateOf(claim.key), { state: "performing", attempt: 1 })
      })
    )

    law("another key of an entity in flight finds the lane busy and writes nothing", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        const other = yield* claimOf(first.worker, keyOf("1", "packed"))
        assert.deepStrictEqual(yield* ledger.claim(other), { _tag: "LaneBusy" })
        assert.isUndefined(yield* stateOf(other.key))
      })
    )

    law("another entity is not in the way", () =>
      Effect.gen(function* () {
        const first = yield* claimed(keyOf("1"))
        const second = yield* claimed(keyOf("2"), { worker: first.worker })
        assert.deepStrictEqual(yield* stateOf(second.key), { state: "performing", attempt: 1 })
      })
    )

    law("of fifty claims of one key at once, one is granted", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* alive
        const claims = yield* Effect.replicateEffect(claimOf(worker, keyOf("1")), 50)
        const verdicts = yield* Effect.forEach(claims, ledger.claim, { concurrency: "unbounded" })
        assert.strictEqual(verdicts.filter(({ _tag }) => _tag === "Claimed").length, 1)
      })
    )

    law("of fifty keys of one entity at once, one is granted", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* alive
        const claims = yield* Effect.forEach(
          Array.from({ length: 50 }, (_, n) => keyOf("1", `occasion-${n}`)),
          (key) => claimOf(worker, key)
        )
        const verdicts = yield* Effect.forEach(claims, ledger.claim, { concurrency: "unbounded" })
        assert.strictEqual(verdicts.filter(({ _tag }) => _tag === "Claimed").length, 1)
        assert.strictEqual(verdicts.filter(({ _tag }) => _tag === "LaneBusy").length, 49)
      })
    )

    law("entities whose names run together are two entities", () =>
      Effect.gen(function* () {
        const one = keyOf("71", "shipped", "order-4")
        const other = keyOf("4-71", "shipped", "order")
        assert.strictEqual(one.label, "notify:order-4-71:shipped")
        assert.strictEqual(other.label, one.label)
        const claim = yield* claimed(one)
        yield* claimed(other, { worker: claim.worker })
      })
    )

    law(
      `${fault("key composed and decomposed")} composed and decomposed letters are two keys: bytes are identity`,
      () =>
        Effect.gen(function* () {
          const claim = yield* claimed(keyOf("caf\u00e9"))
          yield* claimed(keyOf("cafe\u0301"), { worker: claim.worker })
          assert.deepStrictEqual(yield* stateOf(keyOf("caf\u00e9")), { state: "performing", attempt: 1 })
        })
    )

    law("a worker that was never heard of may not claim", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimOf(yield* Identifiers.token, keyOf("1"))
        assert.deepStrictEqual(yield* ledger.claim(claim), { _tag: "WorkerExpired" })
        assert.isUndefined(yield* stateOf(claim.key))
      })
    )

    law("a worker whose lease ran out may not claim", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* Identifiers.token
        yield* ledger.beat(worker, -1)
        const claim = yield* claimOf(worker, keyOf("1"))
        assert.deepStrictEqual(yield* ledger.claim(claim), { _tag: "WorkerExpired" })
        assert.isUndefined(yield* stateOf(claim.key))
      })
    )
  })

  describe(`${name}: settling`, () => {
    law("a success settles the key as done, with its receipt", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        const receiptId = yield* Identifiers.ordered
        const verdict = yield* settle(claim, performed, receiptId)
        assert.strictEqual(verdict._tag, "Settled")
        if (verdict._tag !== "Settled") return
        const { at, ...receipt } = verdict.receipt
        assert.isTrue(DateTime.isDateTime(at))
        assert.deepStrictEqual(
          { ...receipt },
          {
            id: receiptId,
            outcome: "performed",
            operator: "shipping",
            capability: "notify",
            key: "notify:order-1:shipped",
            entity: { type: "order", id: "1" },
            attempt: 1,
            count: 1,
            refersTo: null,
            durationMillis: 12,
            proof: null,
            reason: null,
            body: `{"messageId":"m-1"}`,
            checkAfter: null
          }
        )
        const entry = yield* ledger.find(claim.key)
        assert.strictEqual(entry?.state, "done")
        assert.deepStrictEqual(entry?.receipt, verdict.receipt)
      })
    )

    law("a refusal settles the key as refused, with what was said", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, refused)
        const entry = yield* ledger.find(claim.key)
        assert.strictEqual(entry?.state, "refused")
        assert.strictEqual(entry?.receipt?.outcome, "refused")
        assert.strictEqual(entry?.receipt?.body, `{"code":550}`)
      })
    )

    law("a proof that nothing was performed releases the key and keeps the proof", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, notPerformed)
        const entry = yield* ledger.find(claim.key)
        assert.strictEqual(entry?.state, "released")
        assert.strictEqual(entry?.receipt?.outcome, "released")
        assert.strictEqual(entry?.receipt?.proof, "never_sent")
        assert.strictEqual(entry?.receipt?.reason, "connection refused")
      })
    )

    law("an unknown outcome leaves the key in doubt", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, unknown)
        const entry = yield* ledger.find(claim.key)
        assert.strictEqual(entry?.state, "in_doubt")
        assert.strictEqual(entry?.receipt?.outcome, "in_doubt")
        assert.strictEqual(entry?.receipt?.reason, "the answer never came")
      })
    )

    law("a token that is not current settles nothing", () =>
      Effect.gen(function* () {
        const claim = yield* claimed(keyOf("1"))
        const stranger = { ...claim, token: yield* Identifiers.token }
        assert.deepStrictEqual(yield* settle(stranger, performed), {
          _tag: "Refused",
          why: "unknown_token",
          found: "performing, attempt 1"
        })
        assert.deepStrictEqual(yield* stateOf(claim.key), { state: "performing", attempt: 1 })
      })
    )

    law("a key that nobody claimed can't be settled", () =>
      Effect.gen(function* () {
        const claim = yield* claimOf(yield* alive, keyOf("1"))
        assert.deepStrictEqual(yield* settle(claim, performed), {
          _tag: "Refused",
          why: "unknown_key",
          found: "no such key"
        })
        assert.isUndefined(yield* stateOf(claim.key))
      })
    )

    law("the identical settlement, run again, gives the identical receipt and adds none", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        const claim = yield* claimed(keyOf("1"))
        const receiptId = yield* Identifiers.ordered
        const first = yield* settle(claim, performed, receiptId)
        const again = yield* settle(claim, performed, receiptId)
        assert.deepStrictEqual(again, first)
        assert.deepStrictEqual(yield* log.totals(claim.key), { performed: 1 })
      })
    )

    law("what is done stays done, also for the token that did it", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, performed)
        assert.deepStrictEqual(yield* settle(claim, refused), { _tag: "Kept" })
        assert.deepStrictEqual(yield* settle(claim, unknown), { _tag: "Kept" })
        assert.deepStrictEqual(yield* stateOf(claim.key), { state: "done", attempt: 1 })
        assert.deepStrictEqual(yield* log.totals(claim.key), { performed: 1 })
      })
    )

    law("settling frees the lane", () =>
      Effect.gen(function* () {
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, performed)
        yield* claimed(keyOf("1", "delivered"), { worker: first.worker })
      })
    )

    law("a body keeps every character that JSON can carry", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        const body = JSON.stringify({ text: "nul \u0000, half \ud800, smile 😀, quote ' \" \\ " })
        yield* settle(claim, { _tag: "Performed", body, effectId: null })
        assert.strictEqual((yield* ledger.find(claim.key))?.receipt?.body, body)
      })
    )

    law("a body of a megabyte comes back whole", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        const body = JSON.stringify("x".repeat(1_000_000))
        yield* settle(claim, { _tag: "Performed", body, effectId: null })
        assert.strictEqual((yield* ledger.find(claim.key))?.receipt?.body, body)
      })
    )
  })

  describe(`${name}: released keys`, () => {
    law("a released key is claimed again as a new attempt, and may bind another payload", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, notPerformed)
        const second = yield* claimOf(first.worker, first.key, { seenAttempt: 1, fingerprint: "1:bb" })
        assert.deepStrictEqual(yield* ledger.claim(second), { _tag: "Claimed", attempt: 2, generation: 1 })
        const entry = yield* ledger.find(first.key)
        assert.strictEqual(entry?.state, "performing")
        assert.strictEqual(entry?.fingerprint, "1:bb")
      })
    )

    law("the identical second claim, run again, gives the identical answer", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, notPerformed)
        const second = yield* claimOf(first.worker, first.key, { seenAttempt: 1 })
        yield* ledger.claim(second)
        assert.deepStrictEqual(yield* ledger.claim(second), { _tag: "Claimed", attempt: 2, generation: 1 })
      })
    )

    law(`${fault("statement lands late")} a late copy of the first claim can't take a released key`, () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, notPerformed)
        assert.deepStrictEqual(yield* ledger.claim(first), { _tag: "Exists" })
        assert.deepStrictEqual(yield* stateOf(first.key), { state: "released", attempt: 1 })
      })
    )

    law("a claim that saw an older attempt can't take a released key", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, notPerformed)
        const second = yield* claimOf(first.worker, first.key, { seenAttempt: 1 })
        yield* ledger.claim(second)
        yield* settle(second, notPerformed)
        const late = yield* claimOf(first.worker, first.key, { seenAttempt: 1 })
        assert.deepStrictEqual(yield* ledger.claim(late), { _tag: "Exists" })
        assert.deepStrictEqual(yield* stateOf(first.key), { state: "released", attempt: 2 })
      })
    )

    law("of twenty who saw one released attempt, one takes it", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, notPerformed)
        const claims = yield* Effect.replicateEffect(claimOf(first.worker, first.key, { seenAttempt: 1 }), 20)
        const verdicts = yield* Effect.forEach(claims, ledger.claim, { concurrency: "unbounded" })
        assert.strictEqual(verdicts.filter(({ _tag }) => _tag === "Claimed").length, 1)
        assert.deepStrictEqual(yield* stateOf(first.key), { state: "performing", attempt: 2 })
      })
    )

    law("what is no success of the first attempt does not settle the second", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, notPerformed)
        yield* ledger.claim(yield* claimOf(first.worker, first.key, { seenAttempt: 1 }))
        for (const evidence of [refused, notPerformed, unknown]) {
          assert.deepStrictEqual(yield* settle(first, evidence), { _tag: "Kept" })
        }
        assert.deepStrictEqual(yield* stateOf(first.key), { state: "performing", attempt: 2 })
      })
    )

    law("a released key waits while another key of the entity is in flight", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, notPerformed)
        yield* claimed(keyOf("1", "packed"), { worker: first.worker })
        const second = yield* claimOf(first.worker, first.key, { seenAttempt: 1 })
        assert.deepStrictEqual(yield* ledger.claim(second), { _tag: "LaneBusy" })
        assert.deepStrictEqual(yield* stateOf(first.key), { state: "released", attempt: 1 })
      })
    )

    law("a released key is held off while another key's doubt holds the lane", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, notPerformed)
        const other = yield* claimed(keyOf("1", "packed"), { worker: first.worker })
        yield* settle(other, unknown)
        const verdict = yield* ledger.claim(yield* claimOf(first.worker, first.key, { seenAttempt: 1 }))
        assert.strictEqual(verdict._tag, "LaneHeld")
        assert.deepStrictEqual(yield* stateOf(first.key), { state: "released", attempt: 1 })
      })
    )

    law("a settled key is a settled key also while the lane is held", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, performed)
        const other = yield* claimed(keyOf("1", "packed"), { worker: first.worker })
        yield* settle(other, unknown)
        const again = yield* claimOf(first.worker, first.key)
        assert.deepStrictEqual(yield* ledger.claim(again), { _tag: "Exists" })
      })
    )
  })

  describe(`${name}: doubt`, () => {
    law("a doubt that holds the lane keeps other keys of the entity away, and says which it is", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, unknown)
        const verdict = yield* ledger.claim(yield* claimOf(first.worker, keyOf("1", "delivered")))
        assert.strictEqual(verdict._tag, "LaneHeld")
        assert.strictEqual(verdict._tag === "LaneHeld" ? verdict.key : "", "notify:order-1:shipped")
      })
    )

    law("a doubt that does not hold the lane lets other keys pass", () =>
      Effect.gen(function* () {
        const first = yield* claimed(keyOf("1"), { doubtHoldsLane: false })
        yield* settle(first, unknown)
        yield* claimed(keyOf("1", "delivered"), { worker: first.worker })
        assert.deepStrictEqual(yield* stateOf(first.key), { state: "in_doubt", attempt: 1 })
      })
    )

    law("a key in doubt is never claimed again", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1"))
        yield* settle(first, unknown)
        for (const seenAttempt of [0, 1]) {
          const claim = yield* claimOf(first.worker, first.key, { seenAttempt })
          assert.deepStrictEqual(yield* ledger.claim(claim), { _tag: "Exists" })
        }
      })
    )

    law("a success that comes late resolves the doubt, refers to it, and frees the lane", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        const doubtId = yield* Identifiers.ordered
        yield* settle(claim, unknown, doubtId)
        const verdict = yield* settle(claim, performed)
        assert.strictEqual(verdict._tag === "Settled" ? verdict.receipt.outcome : "", "resolved")
        assert.strictEqual(verdict._tag === "Settled" ? verdict.receipt.refersTo : "", doubtId)
        assert.strictEqual((yield* ledger.find(claim.key))?.state, "done")
        yield* claimed(keyOf("1", "delivered"), { worker: claim.worker })
      })
    )

    law("a proof of nothing that comes late releases the key", () =>
      Effect.gen(function* () {
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, unknown)
        yield* settle(claim, notPerformed)
        assert.deepStrictEqual(yield* stateOf(claim.key), { state: "released", attempt: 1 })
      })
    )

    law("a refusal that comes late settles the key as refused", () =>
      Effect.gen(function* () {
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, unknown)
        yield* settle(claim, refused)
        assert.deepStrictEqual(yield* stateOf(claim.key), { state: "refused", attempt: 1 })
      })
    )

    law("knowing nothing a second time changes nothing", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, unknown)
        assert.deepStrictEqual(yield* settle(claim, unknown), { _tag: "Kept" })
        assert.deepStrictEqual(yield* log.totals(claim.key), { in_doubt: 1 })
      })
    )
  })

  verdictLaws(name, law)
  repeatLaws(name, law)
  workerLaws(name, law)
}

type Law = (sentence: string, body: () => Effect.Effect<void, unknown, Ledger | ReceiptLog>) => void

const verdictLaws = (name: string, law: Law): void => {
  const verdict = Effect.fnUntraced(function* (key: IdempotencyKey, attempt: number, receiptId?: string) {
    const ledger = yield* Ledger
    return yield* ledger.apply(
      key,
      {
        _tag: "Ruling",
        attempt,
        ruling: { _tag: "ItHappened", body: `{"messageId":"m-9"}` },
        operator: "dana",
        reason: "seen in the outbox",
        force: false
      },
      receiptId ?? (yield* Identifiers.ordered)
    )
  })

  describe(`${name}: a person's verdict`, () => {
    law("it happened: settles the doubt in the person's name and refers to it", () =>
      Effect.gen(function* () {
        const claim = yield* claimed(keyOf("1"))
        const doubtId = yield* Identifiers.ordered
        yield* settle(claim, unknown, doubtId)
        const answer = yield* verdict(claim.key, 1)
        assert.strictEqual(answer._tag, "Settled")
        if (answer._tag !== "Settled") return
        const { outcome, operator, reason, body, refersTo } = answer.receipt
        assert.deepStrictEqual(
          { outcome, operator, reason, body, refersTo },
          {
            outcome: "resolved",
            operator: "dana",
            reason: "seen in the outbox",
            body: `{"messageId":"m-9"}`,
            refersTo: doubtId
          }
        )
        assert.deepStrictEqual(yield* stateOf(claim.key), { state: "done", attempt: 1 })
      })
    )

    law("the identical verdict, run again, gives the identical receipt and adds none", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, unknown)
        const receiptId = yield* Identifiers.ordered
        const first = yield* verdict(claim.key, 1, receiptId)
        assert.deepStrictEqual(yield* verdict(claim.key, 1, receiptId), first)
        assert.deepStrictEqual(yield* log.totals(claim.key), { in_doubt: 1, resolved: 1 })
      })
    )

    law("a verdict about another attempt is not taken", () =>
      Effect.gen(function* () {
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, unknown)
        assert.deepStrictEqual(yield* verdict(claim.key, 2), {
          _tag: "Refused",
          why: "wrong_attempt",
          found: "in_doubt, attempt 1"
        })
        assert.deepStrictEqual(yield* stateOf(claim.key), { state: "in_doubt", attempt: 1 })
      })
    )

    law("a key that is done, or that nobody knows, takes no verdict", () =>
      Effect.gen(function* () {
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, performed)
        assert.deepStrictEqual(yield* verdict(claim.key, 1), {
          _tag: "Refused",
          why: "wrong_state",
          found: "done, attempt 1"
        })
        assert.deepInclude(yield* verdict(keyOf("2"), 1), { _tag: "Refused", why: "unknown_key" })
      })
    )
  })
}

const receiptsOf = ({ recorded }: { readonly recorded: Recorded }) => {
  assert.strictEqual(recorded._tag, "Recorded")
  return recorded._tag === "Recorded" ? recorded.receipts : []
}

const movedIn = (recorded: Recorded) => (recorded._tag === "Recorded" ? recorded.moved : undefined)

const reopen = Effect.fnUntraced(function* (key: KeyName) {
  const ledger = yield* Ledger
  const ruling = { _tag: "Reopen" } as const
  const said = {
    _tag: "Ruling",
    attempt: 1,
    ruling,
    operator: "dana",
    reason: "mended",
    force: false
  } as const
  yield* ledger.apply(key, said, yield* Identifiers.ordered)
})

const repeatLaws = (name: string, law: Law): void => {
  describe(`${name}: repeats and reading`, () => {
    law("a repeat's receipt names the attempt it met, and counts", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, performed)
        const [receipt] = receiptsOf(yield* recordAll([yield* repeatOf(claim.key, "deduplicated", 43)]))
        assert.strictEqual(receipt?.outcome, "deduplicated")
        assert.strictEqual(receipt?.attempt, 1)
        assert.strictEqual(receipt?.count, 43)
        assert.deepStrictEqual(yield* log.totals(claim.key), { performed: 1, deduplicated: 43 })
      })
    )

    law("a batch of repeats that is run again adds nothing", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const log = yield* ReceiptLog
        const repeats = [yield* repeatOf(keyOf("1"), "joined", 2), yield* repeatOf(keyOf("2"), "conflict", 3)]
        const ids = repeats.map(({ receiptId }) => receiptId).sort()
        const { batch, recorded } = yield* recordAll(repeats)
        const again = yield* ledger.record(batch)
        for (const told of [receiptsOf({ recorded }), receiptsOf({ recorded: again })]) {
          assert.deepStrictEqual(told.map(({ id }) => id).sort(), ids)
        }
        assert.deepStrictEqual(yield* log.totals(), { joined: 2, conflict: 3 })
      })
    )

    law(
      `${fault("statement lands late")} a batch whose time is over adds nothing, and one that was written before stays written`,
      () =>
        Effect.gen(function* () {
          const ledger = yield* Ledger
          const log = yield* ReceiptLog
          const late = yield* recordAll([yield* repeatOf(keyOf("1"), "joined", 2)], -60_000)
          assert.deepStrictEqual(late.recorded, { _tag: "TooLate" })
          const { batch } = yield* recordAll([yield* repeatOf(keyOf("1"), "joined", 3)])
          const again = yield* ledger.record({ ...batch, notAfterMillis: late.batch.notAfterMillis })
          assert.strictEqual(again._tag, "Recorded")
          assert.deepStrictEqual(yield* log.totals(), { joined: 3 })
        })
    )

    law("a repeat that stands on a receipt names that receipt's attempt, and not a later one", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        yield* settle(claim, notPerformed)
        const again = yield* claimOf(claim.worker, claim.key, { seenAttempt: 1 })
        assert.strictEqual((yield* ledger.claim(again))._tag, "Claimed")
        const repeat = { ...(yield* repeatOf(claim.key, "joined", 1)), attempt: 1 }
        const [receipt] = receiptsOf(yield* recordAll([repeat]))
        assert.strictEqual(receipt?.attempt, 1)
      })
    )

    law(
      "a repeat that stands on a receipt is written while that stands, and not once the key has moved",
      () =>
        Effect.gen(function* () {
          const ledger = yield* Ledger
          const log = yield* ReceiptLog
          const claim = yield* claimed(keyOf("1"))
          const settled = yield* settle(claim, refused)
          const refersTo = settled._tag === "Settled" ? settled.receipt.id : null
          const standing = Effect.map(repeatOf(claim.key, "deduplicated", 3), (repeat) => ({
            ...repeat,
            attempt: 1,
            refersTo,
            onlyIfStands: true
          }))
          const before = yield* recordAll([yield* standing])
          assert.lengthOf(receiptsOf(before), 1)
          yield* reopen(claim.key)
          const late = yield* standing
          const other = yield* repeatOf(keyOf("2"), "saturated", 2)
          const after = yield* recordAll([late, other])
          assert.deepStrictEqual(
            receiptsOf(after).map(({ id }) => id),
            [other.receiptId]
          )
          const alone = yield* recordAll([yield* standing])
          assert.lengthOf(receiptsOf(alone), 0)
          // Run again, a batch answers what it answered, whatever has happened to the key since.
          const again = yield* claimOf(claim.worker, claim.key, { seenAttempt: 1 })
          assert.strictEqual((yield* ledger.claim(again))._tag, "Claimed")
          for (const { batch, recorded } of [before, after, alone]) {
            assert.deepStrictEqual(movedIn(yield* ledger.record(batch)), movedIn(recorded))
          }
          assert.deepStrictEqual(movedIn(after.recorded), [late.receiptId])
          assert.deepStrictEqual(yield* log.totals(claim.key), { refused: 1, deduplicated: 3, reopened: 1 })
        })
    )

    law("a request that was turned away before any attempt has attempt 0", () =>
      Effect.gen(function* () {
        const [receipt] = receiptsOf(yield* recordAll([yield* repeatOf(keyOf("1"), "saturated", 1)]))
        assert.strictEqual(receipt?.attempt, 0)
        assert.isUndefined(yield* stateOf(keyOf("1")))
      })
    )

    law("a key's receipts are read in the order of writing, and nobody else's", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        const claim = yield* claimed(keyOf("1"))
        const other = yield* claimed(keyOf("2"), { worker: claim.worker })
        yield* settle(claim, unknown)
        yield* recordAll([yield* repeatOf(claim.key, "deduplicated", 5)])
        yield* settle(other, performed)
        yield* settle(claim, performed)
        const receipts = yield* log.byKey(claim.key)
        assert.deepStrictEqual(
          receipts.map(({ outcome, count }) => [outcome, count]),
          [
            ["in_doubt", 1],
            ["deduplicated", 5],
            ["resolved", 1]
          ]
        )
      })
    )

    law("totals without a key are over all keys", () =>
      Effect.gen(function* () {
        const log = yield* ReceiptLog
        assert.deepStrictEqual(yield* log.totals(), {})
        yield* recordAll([yield* repeatOf(keyOf("1"), "joined", 2), yield* repeatOf(keyOf("2"), "joined", 3)])
        assert.deepStrictEqual(yield* log.totals(), { joined: 5 })
        assert.deepStrictEqual(yield* log.totals(keyOf("2")), { joined: 3 })
      })
    )
  })
}

const workerLaws = (name: string, law: Law): void => {
  describe(`${name}: workers and silence`, () => {
    law("a lease is extended while it lasts, and never once it ran out", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* Identifiers.token
        assert.isTrue(yield* ledger.beat(worker, 60_000))
        assert.isTrue(yield* ledger.beat(worker, -1))
        assert.isFalse(yield* ledger.beat(worker, 60_000))
        assert.isFalse(yield* ledger.beat(worker, 60_000))
      })
    )

    law("a row past its own time becomes doubtful", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"), { doubtAfterMillis: -1 })
        const [receipt] = yield* ledger.reap(yield* freshIds(10))
        assert.strictEqual(receipt?.outcome, "in_doubt")
        assert.strictEqual(receipt?.operator, "shipping")
        assert.strictEqual(receipt?.reason, "no outcome was recorded in time")
        const entry = yield* ledger.find(claim.key)
        assert.strictEqual(entry?.state, "in_doubt")
        assert.deepStrictEqual(entry?.receipt, receipt)
      })
    )

    law("a dead worker's row becomes doubtful, never free", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        yield* ledger.beat(claim.worker, -1)
        const [receipt] = yield* ledger.reap(yield* freshIds(10))
        assert.strictEqual(receipt?.reason, "its worker was not heard of again")
        const survivor = yield* alive
        assert.deepStrictEqual(yield* ledger.claim(yield* claimOf(survivor, claim.key)), { _tag: "Exists" })
      })
    )

    law("rows of workers that are alive and in time are left alone", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"))
        assert.deepStrictEqual(yield* ledger.reap(yield* freshIds(10)), [])
        assert.deepStrictEqual(yield* stateOf(claim.key), { state: "performing", attempt: 1 })
      })
    )

    law("no more rows are turned than there are receipts for them, and the next look takes the rest", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* alive
        for (const id of ["1", "2", "3"]) yield* claimed(keyOf(id), { worker, doubtAfterMillis: -1 })
        assert.strictEqual((yield* ledger.reap(yield* freshIds(2))).length, 2)
        assert.strictEqual((yield* ledger.reap(yield* freshIds(2))).length, 1)
        assert.strictEqual((yield* ledger.reap(yield* freshIds(2))).length, 0)
      })
    )

    law("the late truth of a row that was called doubtful still settles it", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const claim = yield* claimed(keyOf("1"), { doubtAfterMillis: -1 })
        yield* ledger.reap(yield* freshIds(1))
        const verdict = yield* settle(claim, performed)
        assert.strictEqual(verdict._tag === "Settled" ? verdict.receipt.outcome : "", "resolved")
        assert.deepStrictEqual(yield* stateOf(claim.key), { state: "done", attempt: 1 })
      })
    )

    law("the secret for path hashes is there", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        assert.isAtLeast(ledger.pathSecret.length, 32)
      })
    )
  })
}
