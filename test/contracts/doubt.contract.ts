/**
 * The contract of doubt: what holds across several attempts of one key, for the entity beside it, and
 * for whoever recovers or rules. Runs against every ledger.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, type Layer } from "effect"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import * as Recovery from "../../src/domain/Recovery.ts"
import { Ledger } from "../../src/kernel/Ledger.ts"
import type { Event, Ruling } from "../../src/kernel/lifecycle/KeyRow.ts"
import { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import {
  claimed,
  claimOf,
  keyOf,
  notPerformed,
  performed,
  performedAs,
  refused,
  settle,
  stateOf,
  unknown
} from "./keys.ts"
import { fault } from "../support/fault.ts"

const key = keyOf("1")
const resendable = Recovery.resend({ window: "1 hour", backoff: 0, attempts: 3 })
const stored = { request: `{"to":"ada@example.com"}` }

const apply = Effect.fnUntraced(function* (event: Event, receiptId?: string) {
  const ledger = yield* Ledger
  return yield* ledger.apply(key, event, receiptId ?? (yield* Identifiers.ordered))
})

const rule = (ruling: Ruling, options: { readonly attempt?: number; readonly force?: boolean } = {}) =>
  apply({
    _tag: "Ruling",
    attempt: options.attempt ?? 1,
    ruling,
    operator: "dana",
    reason: "looked",
    force: options.force ?? true
  })

const release = rule({ _tag: "Release" })

const outcomes = Effect.gen(function* () {
  const log = yield* ReceiptLog
  return (yield* log.byKey(key)).map(({ outcome }) => outcome)
})

/** Claims again, as somebody who saw the given attempt. */
const claimAgain = Effect.fnUntraced(function* (worker: string, seenAttempt: number, token?: string) {
  const ledger = yield* Ledger
  const claim = yield* claimOf(worker, key, { seenAttempt, ...(token === undefined ? {} : { token }) })
  return { claim, verdict: yield* ledger.claim(claim) }
})

const sendAgain = Effect.fnUntraced(function* (worker: string, seenAttempt: number) {
  const ledger = yield* Ledger
  const claim = yield* claimOf(worker, key, { seenAttempt })
  return { claim, verdict: yield* ledger.resend(claim) }
})

export const doubtContract = <E>(name: string, layer: Layer.Layer<Ledger | ReceiptLog, E>): void => {
  const law = (sentence: string, body: () => Effect.Effect<void, unknown, Ledger | ReceiptLog>) =>
    it.live(sentence, () => Effect.provide(body(), layer))

  describe(`${name}: the key that the provider sees`, () => {
    law("is a new one after proof, and the same after somebody's word or a resend", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, notPerformed)
        const proven = yield* claimAgain(first.worker, 1)
        assert.deepStrictEqual(proven.verdict, { _tag: "Claimed", attempt: 2, generation: 1 })
        yield* settle(proven.claim, unknown)
        yield* rule({ _tag: "Release" }, { attempt: 2 })
        const said = yield* claimAgain(first.worker, 2)
        assert.deepStrictEqual(said.verdict, { _tag: "Claimed", attempt: 3, generation: 1 })
      })
    )

    law("is a new one for a refusal that was reopened", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key)
        yield* settle(first, refused)
        yield* rule({ _tag: "Reopen" })
        const { verdict } = yield* claimAgain(first.worker, 1)
        assert.deepStrictEqual(verdict, { _tag: "Claimed", attempt: 2, generation: 1 })
      })
    )

    law("is a new one too where the refusal that was reopened was a replayed answer", () =>
      Effect.gen(function* () {
        const recovery = Recovery.resend({ window: "1 hour", replays: true })
        const first = yield* claimed(key, { recovery, ...stored })
        yield* settle(first, unknown)
        const again = yield* sendAgain(first.worker, 1)
        yield* settle(again.claim, refused)
        yield* rule({ _tag: "Reopen" }, { attempt: 2 })
        const { verdict } = yield* claimAgain(first.worker, 2)
        assert.deepStrictEqual(verdict, { _tag: "Claimed", attempt: 3, generation: 1 })
      })
    )

    law("is a new one once late proof has come for what was released on a word", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key)
        yield* settle(first, unknown)
        yield* release
        assert.deepStrictEqual(yield* settle(first, notPerformed), { _tag: "Kept" })
        const { verdict } = yield* claimAgain(first.worker, 1)
        assert.deepStrictEqual(verdict, { _tag: "Claimed", attempt: 2, generation: 1 })
      })
    )
  })

  describe(`${name}: several attempts`, () => {
    law(
      `${fault("verdict beside a zombie")} the late success of an attempt that was released on a word settles the key, against it`,
      () =>
        Effect.gen(function* () {
          const first = yield* claimed(key)
          yield* settle(first, unknown)
          yield* release
          const late = yield* settle(first, performed)
          assert.strictEqual(late._tag === "Settled" ? late.receipt.outcome : "", "resolved")
          assert.include(late._tag === "Settled" ? late.receipt.reason : "", "contradicts")
          assert.deepStrictEqual(yield* stateOf(key), { state: "done", attempt: 1 })
        })
    )

    law("the late success of an older attempt keeps the entity's flight until the newer call has ended", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        const again = yield* sendAgain(first.worker, 1)
        yield* settle(first, performed)
        assert.deepStrictEqual(yield* stateOf(key), { state: "done", attempt: 2 })
        const other = yield* claimOf(first.worker, keyOf("1", "delivered"))
        assert.deepStrictEqual(yield* ledger.claim(other), { _tag: "LaneBusy" })
        assert.deepStrictEqual(yield* settle(again.claim, unknown), { _tag: "Kept" })
        assert.strictEqual((yield* ledger.claim(other))._tag, "Claimed")
      })
    )

    law("and another effect of the key, seen meanwhile, does not free the flight either", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        const second = yield* sendAgain(first.worker, 1)
        yield* settle(second.claim, unknown)
        const third = yield* sendAgain(first.worker, 2)
        yield* settle(first, performedAs("m-1"))
        yield* settle(second.claim, performedAs("m-2"))
        assert.deepStrictEqual((yield* outcomes).slice(-2), ["resolved", "duplicate_observed"])
        const other = yield* claimOf(first.worker, keyOf("1", "delivered"))
        assert.deepStrictEqual(yield* ledger.claim(other), { _tag: "LaneBusy" })
        assert.deepStrictEqual(yield* settle(third.claim, unknown), { _tag: "Kept" })
        assert.strictEqual((yield* ledger.claim(other))._tag, "Claimed")
      })
    )

    law("the flight of a key that was settled from outside is free when its own time has passed", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { doubtAfterMillis: -1 })
        yield* rule({ _tag: "ItHappened", body: null })
        const other = yield* claimOf(first.worker, keyOf("1", "delivered"))
        assert.deepStrictEqual(yield* ledger.claim(other), { _tag: "LaneBusy" })
        assert.deepStrictEqual(yield* ledger.reap([yield* Identifiers.ordered]), [])
        assert.strictEqual((yield* ledger.claim(other))._tag, "Claimed")
      })
    )

    law(
      `${fault("verdict beside a zombie")} two calls that both happened under one person's release are a duplicate, said once`,
      () =>
        Effect.gen(function* () {
          const ledger = yield* Ledger
          const first = yield* claimed(key)
          yield* settle(first, unknown)
          yield* release
          const second = yield* claimAgain(first.worker, 1)
          const original = yield* settle(second.claim, performed)
          yield* settle(first, performed)
          yield* settle(first, performed)
          assert.deepStrictEqual(yield* outcomes, ["in_doubt", "released", "performed", "duplicate_observed"])
          const entry = yield* ledger.find(key)
          assert.strictEqual(entry?.state, "done")
          assert.deepStrictEqual(entry?.receipt, original._tag === "Settled" ? original.receipt : null)
        })
    )

    law("a late refusal under an old provider key says nothing about an attempt under the new one", () =>
      Effect.gen(function* () {
        const recovery = Recovery.resend({ window: "1 hour", replays: true })
        const first = yield* claimed(key, { recovery, ...stored })
        yield* settle(first, unknown)
        yield* settle((yield* sendAgain(first.worker, 1)).claim, refused)
        yield* rule({ _tag: "Reopen" }, { attempt: 2 })
        const ledger = yield* Ledger
        const third = yield* claimOf(first.worker, key, { seenAttempt: 2, recovery, ...stored })
        assert.deepStrictEqual(yield* ledger.claim(third), { _tag: "Claimed", attempt: 3, generation: 1 })
        yield* settle(third, unknown)
        assert.deepStrictEqual(yield* settle(first, refused), { _tag: "Kept" })
        assert.deepStrictEqual(yield* stateOf(key), { state: "in_doubt", attempt: 3 })
      })
    )

    law("two answers with one name at the provider are one effect", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key)
        yield* settle(first, unknown)
        yield* release
        const second = yield* claimAgain(first.worker, 1)
        yield* settle(second.claim, performedAs("m-1"))
        assert.deepStrictEqual(yield* settle(first, performedAs("m-1")), {
          _tag: "Kept"
        })
      })
    )

    law("two answers to one key that the provider recognises are one effect", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        const again = yield* sendAgain(first.worker, 1)
        yield* settle(again.claim, performed)
        assert.deepStrictEqual(yield* settle(first, performed), { _tag: "Kept" })
        assert.deepStrictEqual(yield* outcomes, ["in_doubt", "performed"])
      })
    )

    law("a success that contradicts somebody's word says so also where a new attempt is under way", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key)
        yield* settle(first, unknown)
        yield* release
        yield* claimAgain(first.worker, 1)
        const late = yield* settle(first, performed)
        assert.strictEqual(late._tag === "Settled" ? late.receipt.outcome : late._tag, "resolved")
        assert.include(late._tag === "Settled" ? late.receipt.reason : "", "contradicts")
      })
    )

    law("a success that contradicts a refusal wins, and says so", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key)
        yield* settle(first, refused)
        const late = yield* settle(first, performed)
        assert.include(late._tag === "Settled" ? late.receipt.reason : "", "contradicts")
        assert.deepStrictEqual(yield* outcomes, ["refused", "resolved"])
      })
    )

    law("a refusal that comes to light with the last proof keeps its words", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        const again = yield* sendAgain(first.worker, 1)
        yield* settle(first, refused)
        yield* settle(again.claim, notPerformed)
        assert.strictEqual((yield* ledger.find(key))?.receipt?.body, `{"code":550}`)
      })
    )

    law("a refusal that was reopened has had its say, and settles no later attempt under the same key", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key)
        yield* settle(first, unknown)
        // On a word: the next attempt goes out under the same provider key.
        yield* release
        const second = yield* claimAgain(first.worker, 1)
        yield* settle(second.claim, refused)
        yield* rule({ _tag: "Reopen" }, { attempt: 2 })
        const third = yield* claimAgain(first.worker, 2)
        assert.deepStrictEqual(third.verdict, { _tag: "Claimed", attempt: 3, generation: 0 })
        yield* settle(third.claim, notPerformed)
        assert.deepStrictEqual(yield* stateOf(key), { state: "released", attempt: 3 })
      })
    )

    law("what a lookup finds is of the attempt that it began for, also where a mended one is under way", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: Recovery.lookup({ lag: 0 }), ...stored })
        yield* settle(first, unknown)
        yield* release
        const mended = yield* claimOf(first.worker, key, { seenAttempt: 1, fingerprint: "1:bb" })
        yield* ledger.claim(mended)
        const found = { body: `{"messageId":"m-1"}`, effectId: "m-1" }
        const resolved = yield* apply({ _tag: "Lookup", attempt: 1, found, startedAtMillis: 0 })
        assert.deepInclude(resolved._tag === "Settled" ? resolved.receipt : {}, {
          outcome: "resolved",
          attempt: 1
        })
        assert.include(resolved._tag === "Settled" ? resolved.receipt.reason : "", "contradicts")
        assert.strictEqual((yield* ledger.find(key))?.fingerprint, "1:aa")
        const other = yield* claimOf(first.worker, keyOf("1", "delivered"))
        assert.deepStrictEqual(yield* ledger.claim(other), { _tag: "LaneBusy" })
        yield* settle(mended, performedAs("m-2"))
        assert.deepStrictEqual((yield* outcomes).slice(-2), ["resolved", "duplicate_observed"])
      })
    )

    law("what a lookup does not find of an earlier attempt says nothing about the one after it", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const recovery = Recovery.lookup({ lag: 0, quarantine: 0, releaseAfter: 0, every: "1 hour" })
        const lookedUp = { recovery, deadlineMillis: 0, ...stored } as const
        const first = yield* claimed(key, lookedUp)
        yield* settle(first, unknown)
        yield* release
        const second = yield* claimOf(first.worker, key, { seenAttempt: 1, ...lookedUp })
        yield* ledger.claim(second)
        yield* settle(second, unknown)
        const [before] = yield* ledger.doubts(1)
        const nothing = { _tag: "Lookup", found: null, startedAtMillis: yield* ledger.now } as const
        assert.deepStrictEqual(yield* apply({ ...nothing, attempt: 1 }), { _tag: "Kept" })
        assert.deepStrictEqual((yield* ledger.doubts(1))[0]?.checkAfter, before?.checkAfter)
        assert.strictEqual((yield* apply({ ...nothing, attempt: 2 }))._tag, "Settled")
      })
    )

    law("all are there to be looked at, each with its evidence", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key)
        yield* settle(first, notPerformed)
        const second = yield* claimAgain(first.worker, 1)
        yield* settle(second.claim, unknown)
        for (const name of [key.label, Buffer.from(key.hash).toString("hex")]) {
          const [found] = yield* ledger.inspect(name)
          assert.strictEqual(found?.key.label, key.label)
          assert.deepStrictEqual(found?.key.hash, key.hash)
          assert.deepStrictEqual(
            found?.attempts.map(({ attempt, evidence, generation }) => [attempt, generation, evidence]),
            [
              [1, 0, "not_performed"],
              [2, 1, "unknown"]
            ]
          )
        }
        assert.deepStrictEqual(yield* ledger.inspect("notify:order-2:shipped"), [])
      })
    )
  })

  describe(`${name}: sending again`, () => {
    law("is over when the declared number of attempts has been made", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        for (const seen of [1, 2]) yield* settle((yield* sendAgain(first.worker, seen)).claim, unknown)
        assert.deepStrictEqual((yield* sendAgain(first.worker, 3)).verdict, { _tag: "Exhausted" })
        assert.deepStrictEqual(yield* stateOf(key), { state: "in_doubt", attempt: 3 })
      })
    )

    law("does not count what is proven to have sent nothing", () =>
      Effect.gen(function* () {
        const recovery = Recovery.resend({ window: "1 hour", backoff: 0, attempts: 2 })
        const first = yield* claimed(key, { recovery, ...stored })
        yield* settle(first, unknown)
        yield* settle((yield* sendAgain(first.worker, 1)).claim, notPerformed)
        const third = yield* sendAgain(first.worker, 2)
        assert.deepStrictEqual(third.verdict, { _tag: "Claimed", attempt: 3, generation: 0 })
        yield* settle(third.claim, unknown)
        assert.deepStrictEqual((yield* sendAgain(first.worker, 3)).verdict, { _tag: "Exhausted" })
      })
    )

    law("is over when the provider's window closes, less its margin", () =>
      Effect.gen(function* () {
        const closed = Recovery.resend({ window: "1 hour", margin: "1 hour" })
        const first = yield* claimed(key, { recovery: closed, ...stored })
        yield* settle(first, unknown)
        assert.deepStrictEqual((yield* sendAgain(first.worker, 1)).verdict, { _tag: "Exhausted" })
        assert.deepStrictEqual(yield* stateOf(key), { state: "in_doubt", attempt: 1 })
      })
    )

    law("is not for a recovery that declares nothing of the kind", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key)
        yield* settle(first, unknown)
        assert.deepStrictEqual((yield* sendAgain(first.worker, 1)).verdict, { _tag: "Exhausted" })
      })
    )

    law("is claimed once, and again by the same token with the same answer", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        const again = yield* sendAgain(first.worker, 1)
        assert.deepStrictEqual(yield* ledger.resend(again.claim), again.verdict)
        assert.deepStrictEqual((yield* sendAgain(first.worker, 1)).verdict, { _tag: "Exists" })
        assert.deepStrictEqual((yield* sendAgain(first.worker, 2)).verdict, { _tag: "Exists" })
      })
    )

    law("of twenty who want to, one does", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        const all = yield* Effect.all(
          Array.from({ length: 20 }, () => sendAgain(first.worker, 1)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(all.filter(({ verdict }) => verdict._tag === "Claimed").length, 1)
      })
    )

    law("waits while another action that passed the doubt is in flight", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key, { recovery: resendable, doubtHoldsLane: false, ...stored })
        yield* settle(first, unknown)
        yield* claimed(keyOf("1", "delivered"), { worker: first.worker })
        assert.deepStrictEqual((yield* sendAgain(first.worker, 1)).verdict, { _tag: "LaneBusy" })
        assert.deepStrictEqual(yield* stateOf(key), { state: "in_doubt", attempt: 1 })
      })
    )

    law("is not for a worker whose lease ran out", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        yield* ledger.beat(first.worker, -1)
        assert.deepStrictEqual((yield* sendAgain(first.worker, 1)).verdict, { _tag: "WorkerExpired" })
      })
    )
  })

  describe(`${name}: who recovers`, () => {
    law("is given a doubt that is due, with what was stored, and nobody else meanwhile", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        assert.deepStrictEqual(yield* ledger.takeDue(["remind"], 10, 60_000), [])
        const [doubt, ...others] = yield* ledger.takeDue(["notify"], 10, 60_000)
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(doubt?.key.hash, key.hash)
        assert.strictEqual(doubt?.request, stored.request)
        assert.deepStrictEqual(doubt?.recovery, resendable)
        assert.deepStrictEqual([doubt?.attempt, doubt?.generation, doubt?.capability], [1, 0, "notify"])
        assert.deepStrictEqual(yield* ledger.takeDue(["notify"], 10, 60_000), [])
      })
    )

    law("is given it again when the holding has run out", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        yield* ledger.takeDue(["notify"], 10, -1)
        assert.strictEqual((yield* ledger.takeDue(["notify"], 10, 60_000)).length, 1)
      })
    )

    law("is given no more than it asked for", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        const second = yield* claimed(keyOf("2"), { worker: first.worker, recovery: resendable, ...stored })
        yield* settle(first, unknown)
        yield* settle(second, unknown)
        assert.strictEqual((yield* ledger.takeDue(["notify"], 1, 60_000)).length, 1)
        assert.strictEqual((yield* ledger.takeDue(["notify"], 5, 60_000)).length, 1)
      })
    )

    law("is given nothing that only a person settles", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key)
        yield* settle(first, unknown)
        assert.deepStrictEqual(yield* ledger.takeDue(["notify"], 10, 60_000), [])
        assert.deepStrictEqual(
          (yield* ledger.doubts(10)).map((doubt) => doubt.key.label),
          [key.label]
        )
      })
    )

    law("can leave a doubt to a person, on the attempt that it saw", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        yield* ledger.leaveToPerson(key, 2)
        assert.strictEqual((yield* ledger.takeDue(["notify"], 10, -1)).length, 1)
        yield* ledger.leaveToPerson(key, 1)
        assert.deepStrictEqual(yield* ledger.takeDue(["notify"], 10, -1), [])
        assert.isNotNull((yield* ledger.find(key))?.checkAfter)
      })
    )

    law("leaves no later attempt's doubt to a person", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, notPerformed)
        const again = { recovery: resendable, ...stored, seenAttempt: 1 }
        const second = yield* claimOf(first.worker, key, again)
        assert.strictEqual((yield* ledger.claim(second))._tag, "Claimed")
        yield* settle(second, unknown)
        yield* ledger.leaveToPerson(key, 1)
        const due = yield* ledger.takeDue(["notify"], 10, 60_000)
        assert.deepStrictEqual(
          due.map(({ attempt }) => attempt),
          [2]
        )
      })
    )

    law("frees nothing by finding nothing in a lookup that began too early, however late it is now", () =>
      Effect.gen(function* () {
        const recovery = Recovery.lookup({ lag: 0, quarantine: 0, releaseAfter: 0 })
        const first = yield* claimed(key, { recovery, deadlineMillis: 0, ...stored })
        yield* settle(first, unknown)
        const [doubt] = yield* (yield* Ledger).doubts(1)
        assert.deepStrictEqual(
          yield* apply({ _tag: "Lookup", attempt: 1, found: null, startedAtMillis: 0 }),
          {
            _tag: "Kept"
          }
        )
        const startedAtMillis = doubt?.readAtMillis ?? 0
        const freed = yield* apply({ _tag: "Lookup", attempt: 1, found: null, startedAtMillis })
        assert.strictEqual(freed._tag === "Settled" ? freed.receipt.proof : "", "testimony")
      })
    )

    law("frees nothing either by one that began in time for an earlier attempt only", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const recovery = Recovery.lookup({ lag: 0, quarantine: 0, releaseAfter: 0 })
        const lookedUp = { recovery, deadlineMillis: 0, ...stored } as const
        const first = yield* claimed(key, lookedUp)
        const betweenMillis = yield* ledger.now
        yield* settle(first, notPerformed)
        yield* Effect.repeat(ledger.now, { until: (nowMillis) => nowMillis > betweenMillis })
        const second = yield* claimOf(first.worker, key, { seenAttempt: 1, ...lookedUp })
        yield* ledger.claim(second)
        yield* settle(second, unknown)
        const finding = (startedAtMillis: number) =>
          apply({ _tag: "Lookup", attempt: 2, found: null, startedAtMillis })
        assert.deepStrictEqual(yield* finding(betweenMillis), { _tag: "Kept" })
        assert.strictEqual((yield* finding(yield* ledger.now))._tag, "Settled")
      })
    )

    law("that finds nothing is given the doubt again later, and later each time", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const recovery = Recovery.lookup({ lag: 0, every: "1 minute" })
        const first = yield* claimed(key, { recovery, ...stored })
        yield* settle(first, unknown)
        const nextCheck = Effect.gen(function* () {
          const [doubt] = yield* ledger.doubts(1)
          const at = doubt?.checkAfter
          assert.isOk(at)
          return DateTime.toEpochMillis(at) - (doubt?.readAtMillis ?? 0)
        })
        const waits = [yield* nextCheck]
        for (let look = 0; look < 2; look++) {
          yield* apply({ _tag: "Lookup", attempt: 1, found: null, startedAtMillis: 0 })
          waits.push(yield* nextCheck)
        }
        assert.deepStrictEqual(
          waits.map((wait) => Math.round(wait / 60_000)),
          [1, 2, 4]
        )
      })
    )
  })

  describe(`${name}: what a person says`, () => {
    law("that it did not happen is too early while the request may be on its way, but for force", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key)
        yield* settle(first, unknown)
        for (const ruling of [{ _tag: "Release" }, { _tag: "Abandon" }] as const) {
          assert.deepInclude(yield* rule(ruling, { force: false }), { _tag: "Refused", why: "too_early" })
        }
        assert.deepStrictEqual(yield* outcomes, ["in_doubt"])
        assert.strictEqual((yield* release)._tag, "Settled")
      })
    )

    law("needs no force when deadline, lag and quarantine have passed", () =>
      Effect.gen(function* () {
        const recovery = { ...Recovery.hold, quarantineMillis: 0 }
        const first = yield* claimed(key, { recovery, deadlineMillis: 0 })
        yield* settle(first, unknown)
        const answer = yield* rule({ _tag: "Release" }, { force: false })
        assert.strictEqual(answer._tag === "Settled" ? answer.receipt.proof : "", "testimony")
        assert.strictEqual(answer._tag === "Settled" ? answer.receipt.operator : "", "dana")
      })
    )

    law("is about one attempt: one that another has followed is not settled by it", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key, { recovery: resendable, ...stored })
        yield* settle(first, unknown)
        yield* settle((yield* sendAgain(first.worker, 1)).claim, unknown)
        assert.deepInclude(yield* release, { _tag: "Refused", why: "wrong_attempt" })
        assert.strictEqual((yield* rule({ _tag: "Release" }, { attempt: 2 }))._tag, "Settled")
      })
    )

    law("run again gives the identical receipt and adds none", () =>
      Effect.gen(function* () {
        const first = yield* claimed(key)
        yield* settle(first, unknown)
        const receiptId = yield* Identifiers.ordered
        const event: Event = {
          _tag: "Ruling",
          attempt: 1,
          ruling: { _tag: "Abandon" },
          operator: "dana",
          reason: "not worth it",
          force: true
        }
        const answer = yield* apply(event, receiptId)
        assert.deepStrictEqual(yield* apply(event, receiptId), answer)
        assert.deepStrictEqual(yield* outcomes, ["in_doubt", "abandoned"])
      })
    )

    law("frees the lane, whatever it is", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        for (const [id, ruling] of [
          ["1", { _tag: "Release" }],
          ["2", { _tag: "Abandon" }],
          ["3", { _tag: "ItHappened", body: null }]
        ] as const) {
          const first = yield* claimed(keyOf(id))
          yield* settle(first, unknown)
          yield* ledger.apply(
            keyOf(id),
            { _tag: "Ruling", attempt: 1, ruling, operator: "dana", reason: "looked", force: true },
            yield* Identifiers.ordered
          )
          yield* claimed(keyOf(id, "delivered"), { worker: first.worker })
        }
      })
    )
  })

  describe(`${name}: an effect in the ledger's own transaction`, () => {
    const transactional = Effect.fnUntraced(function* (
      evidence: Effect.Effect<typeof performed | typeof refused | typeof notPerformed | typeof unknown>,
      receiptId?: string
    ) {
      const ledger = yield* Ledger
      const claim = yield* claimed(key, { recovery: Recovery.transactional })
      const attempt = { key, token: claim.token, receiptId: receiptId ?? (yield* Identifiers.ordered) }
      const run = ledger.transact(
        attempt,
        Effect.map(evidence, (evidence) => ({ evidence, durationMillis: 1 }))
      )
      return { claim, run }
    })

    /** The same, and how often it ran. */
    const counted = Effect.fnUntraced(function* () {
      let ran = 0
      const begun = yield* transactional(
        Effect.sync(() => {
          ran += 1
          return performed
        })
      )
      return { ...begun, times: () => ran }
    })

    law("settles with it", () =>
      Effect.gen(function* () {
        const { run } = yield* transactional(Effect.succeed(performed))
        const answer = yield* run
        assert.strictEqual(answer._tag === "Settled" ? answer.receipt.outcome : "", "performed")
        assert.deepStrictEqual(yield* stateOf(key), { state: "done", attempt: 1 })
      })
    )

    law(
      `${fault("reply lost")} run again after an unknown commit is answered with its settlement, and does not run`,
      () =>
        Effect.gen(function* () {
          const { run, times } = yield* counted()
          const answer = yield* run
          assert.deepStrictEqual(yield* run, answer)
          assert.strictEqual(times(), 1)
        })
    )

    law("that was fenced off does not run", () =>
      Effect.gen(function* () {
        const { claim, run, times } = yield* counted()
        yield* settle(claim, unknown)
        assert.deepStrictEqual(yield* stateOf(key), { state: "released", attempt: 1 })
        assert.deepStrictEqual(yield* run, { _tag: "Fenced" })
        assert.strictEqual(times(), 0)
      })
    )

    law("that was fenced off does not run beside a new attempt either", () =>
      Effect.gen(function* () {
        const { claim, run, times } = yield* counted()
        yield* settle(claim, unknown)
        const changes = { recovery: Recovery.transactional, seenAttempt: 1 }
        const second = yield* claimOf(claim.worker, key, changes)
        assert.strictEqual((yield* (yield* Ledger).claim(second))._tag, "Claimed")
        assert.deepStrictEqual(yield* run, { _tag: "Fenced" })
        assert.strictEqual(times(), 0)
        assert.deepStrictEqual(yield* stateOf(key), { state: "performing", attempt: 2 })
      })
    )

    law("that comes to nothing says so, and the key is still performing", () =>
      Effect.gen(function* () {
        const { run } = yield* transactional(Effect.succeed(unknown))
        assert.deepStrictEqual(yield* run, { _tag: "RolledBack", evidence: unknown })
        assert.deepStrictEqual(yield* stateOf(key), { state: "performing", attempt: 1 })
      })
    )

    law("that refuses settles the refusal", () =>
      Effect.gen(function* () {
        const { run } = yield* transactional(Effect.succeed(refused))
        const answer = yield* run
        assert.strictEqual(answer._tag === "Settled" ? answer.receipt.outcome : "", "refused")
      })
    )

    law("dies with its worker: released, with the rollback as the proof", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const { claim } = yield* transactional(Effect.succeed(performed))
        yield* ledger.beat(claim.worker, -1)
        const [receipt] = yield* ledger.reap([yield* Identifiers.ordered])
        assert.deepStrictEqual([receipt?.outcome, receipt?.proof], ["released", "rolled_back"])
      })
    )
  })
}
