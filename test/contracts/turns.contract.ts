/**
 * The contract of an entity's lane: its state, the line of those who wait for it, what passes a doubt, and
 * what goes along with a settlement.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { IdempotencyKey } from "../../src/domain/IdempotencyKey.ts"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import * as Recovery from "../../src/domain/Recovery.ts"
import type { Evidence } from "../../src/kernel/Evidence.ts"
import { type Claim, Ledger } from "../../src/kernel/Ledger.ts"
import type { Event } from "../../src/kernel/lifecycle/KeyRow.ts"
import type { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import {
  alive,
  claimed,
  claimOf,
  freshIds,
  keyOf,
  notPerformed,
  performed,
  refused,
  settle,
  stateOf,
  unknown
} from "./keys.ts"

const becomes = (n: number) => ({ shape: 0, json: JSON.stringify({ n }) })
const basis = (version: number, n = version + 1) => ({ version, becomes: becomes(n) })

const viewOf = Effect.fnUntraced(function* (key: IdempotencyKey, worker: string) {
  const ledger = yield* Ledger
  return yield* ledger.look(key, { lane: key.entityHash, worker })
})

const apply = Effect.fnUntraced(function* (key: IdempotencyKey, event: Event) {
  const ledger = yield* Ledger
  return yield* ledger.apply(key, event, yield* Identifiers.ordered)
})

const ruling = (ruling: (Event & { readonly _tag: "Ruling" })["ruling"], attempt = 1): Event => ({
  _tag: "Ruling",
  attempt,
  ruling,
  operator: "dana",
  reason: "looked",
  force: true
})

const verdictOf = Effect.fnUntraced(function* (
  worker: string,
  key: IdempotencyKey,
  changes: Partial<Claim> = {}
) {
  const ledger = yield* Ledger
  const claim = yield* claimOf(worker, key, changes)
  return { claim, tag: (yield* ledger.claim(claim))._tag }
})

/** A worker whose lease has run out. */
const dead = Effect.gen(function* () {
  const ledger = yield* Ledger
  const worker = yield* Identifiers.token
  yield* ledger.beat(worker, -1)
  return worker
})

const alongOf = Effect.fnUntraced(function* (claim: Claim, next: Claim, evidence: Evidence = performed) {
  const ledger = yield* Ledger
  const receiptId = yield* Identifiers.ordered
  const { key, lane, token } = claim
  const settlement = { key, token, lane, receiptId, evidence, durationMillis: 1 }
  return { settlement, ...(yield* ledger.settleAndClaim(settlement, next)) }
})

/** Runs the contract against an implementation, with a new, empty ledger for each test. */
export const turnsContract = <E>(name: string, layer: Layer.Layer<Ledger | ReceiptLog, E>): void => {
  const law = (sentence: string, body: () => Effect.Effect<void, unknown, Ledger | ReceiptLog>) =>
    it.live(sentence, () => Effect.provide(body(), layer))

  describe(`${name}: an entity's state`, () => {
    law("is at version 0 until an action has changed it, and then what its claim said", () =>
      Effect.gen(function* () {
        const worker = yield* alive
        const free = { _tag: "LaneFree" } as const
        assert.deepStrictEqual(yield* viewOf(keyOf("1"), worker), { version: 0, state: null, lane: free })
        const claim = yield* claimed(keyOf("1"), { worker, basis: basis(0) })
        yield* settle(claim, performed)
        assert.deepStrictEqual(yield* viewOf(keyOf("1"), worker), {
          version: 1,
          state: becomes(1),
          lane: free
        })
      })
    )

    for (const [what, evidence] of [
      ["a refusal", refused],
      ["proof that nothing was performed", notPerformed],
      ["a doubt", unknown]
    ] as const) {
      law(`is not changed by ${what}`, () =>
        Effect.gen(function* () {
          const worker = yield* alive
          yield* viewOf(keyOf("1"), worker)
          yield* settle(yield* claimed(keyOf("1"), { worker, basis: basis(0) }), evidence)
          assert.strictEqual((yield* viewOf(keyOf("1"), worker)).version, 0)
        })
      )
    }

    for (const [who, event] of [
      ["a person says that it happened", ruling({ _tag: "ItHappened", body: null })],
      [
        "a lookup finds it",
        { _tag: "Lookup", attempt: 1, found: { body: "{}", effectId: null }, startedAtMillis: 0 }
      ]
    ] as const) {
      law(`is what the claim said where ${who}`, () =>
        Effect.gen(function* () {
          const worker = yield* alive
          yield* viewOf(keyOf("1"), worker)
          yield* settle(yield* claimed(keyOf("1"), { worker, basis: basis(0) }), unknown)
          yield* apply(keyOf("1"), event)
          const { state, version } = yield* viewOf(keyOf("1"), worker)
          assert.deepStrictEqual({ state, version }, { state: becomes(1), version: 1 })
        })
      )
    }

    law("is changed once by a statement that runs twice", () =>
      Effect.gen(function* () {
        const worker = yield* alive
        yield* viewOf(keyOf("1"), worker)
        const claim = yield* claimed(keyOf("1"), { worker, basis: basis(0) })
        const [id = ""] = yield* freshIds(1)
        yield* settle(claim, performed, id)
        yield* settle(claim, performed, id)
        assert.strictEqual((yield* viewOf(keyOf("1"), worker)).version, 1)
      })
    )

    law("that has moved on past a doubt stays, and its version rises", () =>
      Effect.gen(function* () {
        const worker = yield* alive
        yield* viewOf(keyOf("1"), worker)
        yield* settle(yield* claimed(keyOf("1", "unlock"), { worker, basis: basis(0, 10) }), unknown)
        const { claim } = yield* verdictOf(worker, keyOf("1", "lock"), {
          passesDoubt: true,
          basis: basis(0, 20)
        })
        yield* settle(claim, performed)
        yield* apply(keyOf("1", "unlock"), ruling({ _tag: "ItHappened", body: null }))
        const { state, version } = yield* viewOf(keyOf("1"), worker)
        assert.deepStrictEqual({ state, version }, { state: becomes(20), version: 2 })
      })
    )

    law("makes a claim on another version stale, which writes nothing", () =>
      Effect.gen(function* () {
        const worker = yield* alive
        yield* viewOf(keyOf("1"), worker)
        yield* settle(yield* claimed(keyOf("1", "a"), { worker, basis: basis(0) }), performed)
        const { tag } = yield* verdictOf(worker, keyOf("1", "b"), { basis: { version: 0, becomes: null } })
        assert.strictEqual(tag, "StaleGuard")
        assert.isUndefined(yield* stateOf(keyOf("1", "b")))
        const fresh = yield* verdictOf(worker, keyOf("1", "b"), { basis: { version: 1, becomes: null } })
        assert.strictEqual(fresh.tag, "Claimed")
      })
    )
  })

  describe(`${name}: the line of those who wait for a lane`, () => {
    const place = (worker: string) => ({ lane: keyOf("1").entityHash, worker })

    law("is kept: who came later finds the lane busy though it is free", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const [one, other] = [yield* alive, yield* alive]
        const first = yield* claimed(keyOf("1", "a"), { worker: yield* alive })
        assert.isFalse(yield* ledger.queue(place(one), 60_000))
        assert.isFalse(yield* ledger.queue(place(other), 60_000))
        yield* settle(first, performed)
        assert.strictEqual((yield* verdictOf(other, keyOf("1", "b"))).tag, "LaneBusy")
        assert.deepStrictEqual((yield* viewOf(keyOf("1"), other)).lane, { _tag: "LaneBusy" })
        assert.isTrue(yield* ledger.queue(place(one), 60_000))
        const { claim, tag } = yield* verdictOf(one, keyOf("1", "c"))
        assert.strictEqual(tag, "Claimed")
        // The claim has used the place up.
        yield* settle(claim, performed)
        assert.strictEqual((yield* verdictOf(one, keyOf("1", "d"))).tag, "LaneBusy")
        assert.strictEqual((yield* verdictOf(other, keyOf("1", "b"))).tag, "Claimed")
      })
    )

    law("gives a dead worker's place to nobody, and one that was left neither", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const [gone, left, own] = [yield* dead, yield* alive, yield* alive]
        yield* ledger.queue(place(gone), 60_000)
        yield* ledger.queue(place(left), 60_000)
        assert.strictEqual((yield* verdictOf(own, keyOf("1"))).tag, "LaneBusy")
        yield* ledger.leave(place(left))
        assert.strictEqual((yield* verdictOf(own, keyOf("1"))).tag, "Claimed")
      })
    )

    law("sends who is called and does not come within his time to the tail", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const [stuck, own] = [yield* alive, yield* alive]
        yield* ledger.queue(place(stuck), 60_000)
        // Calls the first, who has an hour to come; then finds that he had no time at all.
        assert.isFalse(yield* ledger.queue(place(own), 3_600_000))
        assert.strictEqual((yield* verdictOf(own, keyOf("1"))).tag, "LaneBusy")
        yield* ledger.queue(place(own), -1)
        assert.strictEqual((yield* verdictOf(own, keyOf("1"))).tag, "Claimed")
      })
    )

    law("calls who is first when the lane is left", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const own = yield* alive
        const first = yield* claimed(keyOf("1"))
        yield* ledger.queue(place(own), 60_000)
        yield* settle(first, performed)
        // Kept for him, or on its way: he hears it either way.
        yield* ledger.called(place(own))
      })
    )
  })

  describe(`${name}: a claim that goes along with a settlement`, () => {
    law("is made in its commit, and is found again by its token", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1", "a"))
        const next = yield* claimOf(first.worker, keyOf("1", "b"))
        const { applied, claimed: along, settlement } = yield* alongOf(first, next)
        assert.strictEqual(applied._tag, "Settled")
        assert.deepInclude(along, { attempt: 1, generation: 0 })
        const again = yield* ledger.settleAndClaim(settlement, next)
        assert.deepStrictEqual(again.applied, applied)
        assert.deepStrictEqual(yield* ledger.claim(next), { _tag: "Claimed", attempt: 1, generation: 0 })
        assert.deepStrictEqual(yield* stateOf(keyOf("1", "a")), { state: "done", attempt: 1 })
        assert.deepStrictEqual(yield* stateOf(keyOf("1", "b")), { state: "performing", attempt: 1 })
      })
    )

    law("is not made where another worker waits for the lane", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const first = yield* claimed(keyOf("1", "a"))
        yield* ledger.queue({ lane: first.lane, worker: yield* alive }, 60_000)
        const next = yield* claimOf(first.worker, keyOf("1", "b"))
        const { applied, claimed: along } = yield* alongOf(first, next)
        assert.strictEqual(applied._tag, "Settled")
        assert.isUndefined(along)
        assert.isUndefined(yield* stateOf(keyOf("1", "b")))
      })
    )

    law("is not made in the name of a worker whose lease ran out", () =>
      Effect.gen(function* () {
        const first = yield* claimed(keyOf("1", "a"))
        const { applied, claimed: along } = yield* alongOf(
          first,
          yield* claimOf(yield* dead, keyOf("1", "b"))
        )
        assert.strictEqual(applied._tag, "Settled")
        assert.isUndefined(along)
        assert.isUndefined(yield* stateOf(keyOf("1", "b")))
      })
    )

    law("is not made in another lane, nor for a key that is there, nor after a doubt", () =>
      Effect.gen(function* () {
        const worker = yield* alive
        const other = yield* alongOf(
          yield* claimed(keyOf("1", "a"), { worker }),
          yield* claimOf(worker, keyOf("2"))
        )
        assert.strictEqual(other.applied._tag, "Settled")
        const known = yield* alongOf(
          yield* claimed(keyOf("3", "a"), { worker }),
          yield* claimOf(worker, keyOf("1", "a"), { lane: keyOf("3").entityHash })
        )
        assert.isUndefined(known.claimed)
        const doubt = yield* alongOf(
          yield* claimed(keyOf("4", "a"), { worker }),
          yield* claimOf(worker, keyOf("4", "b")),
          unknown
        )
        assert.isUndefined(doubt.claimed)
        assert.isUndefined(yield* stateOf(keyOf("4", "b")))
      })
    )
  })

  describe(`${name}: a doubt that others pass`, () => {
    const passing = { passesDoubt: true, doubtAfterMillis: -1 } as const

    law("holds what may not pass, and lets one at a time pass", () =>
      Effect.gen(function* () {
        const worker = yield* alive
        yield* settle(yield* claimed(keyOf("1", "unlock"), { worker }), unknown)
        assert.strictEqual((yield* verdictOf(worker, keyOf("1", "ring"))).tag, "LaneHeld")
        assert.strictEqual(
          (yield* verdictOf(worker, keyOf("1", "lock"), { passesDoubt: true })).tag,
          "Claimed"
        )
        assert.strictEqual(
          (yield* verdictOf(worker, keyOf("1", "peek"), { passesDoubt: true })).tag,
          "LaneBusy"
        )
      })
    )

    law("is joined by what passed it and fell silent, and other entities' rows are reaped with them", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* alive
        yield* settle(yield* claimed(keyOf("1", "unlock"), { worker }), unknown)
        yield* verdictOf(worker, keyOf("1", "lock"), passing)
        yield* claimed(keyOf("2"), { worker, doubtAfterMillis: -1 })
        assert.strictEqual((yield* ledger.reap(yield* freshIds(10))).length, 2)
        for (const key of [keyOf("1", "unlock"), keyOf("1", "lock"), keyOf("2")]) {
          assert.strictEqual((yield* stateOf(key))?.state, "in_doubt")
        }
      })
    )

    for (const [how, event, stateThen] of [
      ["released", ruling({ _tag: "Release" }), "released"],
      ["given up", ruling({ _tag: "Abandon" }), "abandoned"],
      ["settled", ruling({ _tag: "ItHappened", body: null }), "done"]
    ] as const) {
      law(`hands the lane to the oldest that passed it when it is ${how}`, () =>
        Effect.gen(function* () {
          const ledger = yield* Ledger
          const worker = yield* alive
          yield* settle(yield* claimed(keyOf("1", "unlock"), { worker }), unknown)
          for (const occasion of ["lock", "again"]) {
            assert.strictEqual((yield* verdictOf(worker, keyOf("1", occasion), passing)).tag, "Claimed")
            yield* ledger.reap(yield* freshIds(1))
          }
          yield* apply(keyOf("1", "unlock"), event)
          assert.strictEqual((yield* stateOf(keyOf("1", "unlock")))?.state, stateThen)
          const held = yield* ledger.claim(yield* claimOf(worker, keyOf("1", "ring")))
          assert.deepInclude(held, { _tag: "LaneHeld", key: keyOf("1", "lock").label })
          yield* apply(keyOf("1", "lock"), ruling({ _tag: "Release" }))
          const next = yield* ledger.claim(yield* claimOf(worker, keyOf("1", "ring")))
          assert.deepInclude(next, { _tag: "LaneHeld", key: keyOf("1", "again").label })
          yield* apply(keyOf("1", "again"), ruling({ _tag: "Release" }))
          assert.strictEqual((yield* verdictOf(worker, keyOf("1", "ring"))).tag, "Claimed")
        })
      )
    }

    law("hands the lane to what is under way beside it, too, which holds it when it falls in doubt", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* alive
        yield* settle(yield* claimed(keyOf("1", "unlock"), { worker }), unknown)
        const { claim } = yield* verdictOf(worker, keyOf("1", "lock"), { passesDoubt: true })
        yield* apply(keyOf("1", "unlock"), ruling({ _tag: "Release" }))
        yield* settle(claim, unknown)
        const held = yield* ledger.claim(yield* claimOf(worker, keyOf("1", "ring")))
        assert.deepInclude(held, { _tag: "LaneHeld", key: keyOf("1", "lock").label })
      })
    )

    law("is not passed by another doubt that is sent again, though that one holds nothing itself", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* alive
        const recovery = Recovery.resend({ window: "1 hour" })
        const peek = { worker, recovery, request: "{}", doubtHoldsLane: false } as const
        yield* settle(yield* claimed(keyOf("1", "peek"), peek), unknown)
        yield* settle(yield* claimed(keyOf("1", "unlock"), { worker }), unknown)
        const again = yield* claimOf(worker, keyOf("1", "peek"), { seenAttempt: 1 })
        const held = yield* ledger.resend(again)
        assert.deepInclude(held, { _tag: "LaneHeld", key: keyOf("1", "unlock").label })
        yield* apply(keyOf("1", "unlock"), ruling({ _tag: "Abandon" }))
        assert.strictEqual((yield* ledger.resend(again))._tag, "Claimed")
      })
    )

    law("that is sent again meets what passed it in flight, and nothing is lost", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* alive
        const recovery = Recovery.resend({ window: "1 hour" })
        const doubt = yield* claimed(keyOf("1", "unlock"), { worker, recovery, request: "{}" })
        yield* settle(doubt, unknown)
        const { claim } = yield* verdictOf(worker, keyOf("1", "lock"), { passesDoubt: true })
        const again = yield* claimOf(worker, keyOf("1", "unlock"), { seenAttempt: 1 })
        assert.deepStrictEqual(yield* ledger.resend(again), { _tag: "LaneBusy" })
        yield* settle(claim, performed)
        assert.strictEqual((yield* ledger.resend(again))._tag, "Claimed")
      })
    )

    law("is not passed where it is a program's", () =>
      Effect.gen(function* () {
        const worker = yield* alive
        yield* settle(yield* claimed(keyOf("1", "all"), { worker, recovery: Recovery.replay }), unknown)
        assert.strictEqual(
          (yield* verdictOf(worker, keyOf("1", "lock"), { passesDoubt: true })).tag,
          "LaneHeld"
        )
      })
    )
  })

  describe(`${name}: a program's steps`, () => {
    const lane = new Uint8Array(32).fill(7)
    const program = Effect.fnUntraced(function* () {
      const root = yield* claimed(keyOf("1", "all"), { recovery: Recovery.replay })
      return { root, step: { lane, root: { hash: root.key.hash, token: root.token } } }
    })

    law("are claimed while its attempt is current, one at a time, beside it", () =>
      Effect.gen(function* () {
        const { root, step } = yield* program()
        const first = yield* verdictOf(root.worker, keyOf("1", "a"), step)
        assert.strictEqual(first.tag, "Claimed")
        assert.strictEqual((yield* verdictOf(root.worker, keyOf("1", "b"), step)).tag, "LaneBusy")
        yield* settle(first.claim, performed)
        yield* settle(root, performed)
        assert.strictEqual((yield* verdictOf(root.worker, keyOf("1", "b"), step)).tag, "RootEnded")
      })
    )

    law("keep it from being released while one of them is open, and no longer", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const { root, step } = yield* program()
        const open = yield* verdictOf(root.worker, keyOf("1", "a"), step)
        yield* settle(root, unknown)
        const ended: Event = { _tag: "RunEnded", attempt: 1 }
        assert.strictEqual((yield* apply(root.key, ended))._tag, "Refused")
        assert.deepStrictEqual(yield* ledger.reap(yield* freshIds(5)), [])
        yield* settle(open.claim, unknown)
        assert.strictEqual((yield* apply(root.key, ended))._tag, "Refused")
        yield* apply(keyOf("1", "a"), ruling({ _tag: "Release" }))
        const [released] = yield* ledger.reap(yield* freshIds(5))
        assert.deepInclude(released, { outcome: "released", proof: "steps_recorded" })
        assert.deepStrictEqual(yield* stateOf(root.key), { state: "released", attempt: 1 })
      })
    )
  })

  describe(`${name}: lanes that wait for each other`, () => {
    const lanes = [1, 2, 3].map((n) => new Uint8Array(32).fill(n))

    law("are seen by the last of them, in a circle of any length; a dead worker's waiting is none", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const [worker, gone] = [yield* alive, yield* dead]
        const [a, b, c] = lanes
        assert.isTrue(a !== undefined && b !== undefined && c !== undefined)
        if (a === undefined || b === undefined || c === undefined) return
        const waits = Effect.fnUntraced(function* (by: string, inside: Uint8Array, awaits: Uint8Array) {
          const id = yield* Identifiers.token
          return { id, isCircle: yield* ledger.waitFor({ id, worker: by, inside, awaits }) }
        })
        assert.isFalse((yield* waits(gone, c, a)).isCircle)
        const first = yield* waits(worker, a, b)
        assert.isFalse(first.isCircle)
        assert.isFalse((yield* waits(worker, b, c)).isCircle)
        assert.isTrue((yield* waits(worker, c, a)).isCircle)
        yield* ledger.waitNoMore(first.id)
        assert.isFalse((yield* waits(worker, c, a)).isCircle)
      })
    )
  })
}
