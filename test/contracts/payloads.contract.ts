/**
 * The contract of payloads: which of them a key is bound to, where a person released the key of a first one
 * and it was claimed for another, and then the first call is heard of. Runs against every ledger.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import * as Recovery from "../../src/domain/Recovery.ts"
import { type Claim, Ledger } from "../../src/kernel/Ledger.ts"
import type { State } from "../../src/kernel/lifecycle/Lifecycle.ts"
import { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import {
  alive,
  claimed,
  claimOf,
  keyOf,
  notPerformed,
  performed,
  refused,
  settle,
  stateOf,
  unknown
} from "./keys.ts"

const key = keyOf("1")

/** What the first payload is, and the second. */
const toAda = { operator: "ada's agent", fingerprint: "1:ada", paths: { "/to": "ada" } }
const toBob = { operator: "bob's agent", fingerprint: "1:bob", paths: { "/to": "bob" } }

const becomes = (to: string) => ({ shape: 0, json: JSON.stringify({ to }) })

/** A first attempt that fell in doubt and was released by name, and a second one for another payload. */
const claimedAnew = Effect.fnUntraced(function* (
  first: Partial<Claim> = {},
  second: Partial<Claim> = {},
  worker?: string
) {
  const ledger = yield* Ledger
  const ada = yield* claimed(key, { ...toAda, worker: worker ?? (yield* alive), ...first })
  yield* settle(ada, unknown)
  const ruling = { _tag: "Release" } as const
  const said = {
    _tag: "Ruling",
    attempt: 1,
    ruling,
    operator: "dana",
    reason: "looked",
    force: true
  } as const
  yield* ledger.apply(key, said, yield* Identifiers.ordered)
  const bob = yield* claimOf(ada.worker, key, { ...toBob, seenAttempt: 1, ...second })
  assert.deepStrictEqual(yield* ledger.claim(bob), { _tag: "Claimed", attempt: 2, generation: 0 })
  return { ada, bob }
})

const boundTo = Effect.gen(function* () {
  const ledger = yield* Ledger
  const entry = yield* ledger.find(key)
  return { state: entry?.state, fingerprint: entry?.fingerprint, paths: entry?.paths }
})

export const payloadsContract = <E>(name: string, layer: Layer.Layer<Ledger | ReceiptLog, E>): void => {
  const law = (sentence: string, body: () => Effect.Effect<void, unknown, Ledger | ReceiptLog>) =>
    it.live(sentence, () => Effect.provide(body(), layer))

  const bound = ({ fingerprint, paths }: typeof toAda, state: State) => ({ state, fingerprint, paths })

  describe(`${name}: a key that was claimed for another payload`, () => {
    law("is bound to that one, for as long as nothing is heard of the first", () =>
      Effect.gen(function* () {
        yield* claimedAnew()
        assert.deepStrictEqual(yield* boundTo, bound(toBob, "performing"))
      })
    )

    for (const [what, evidence] of [
      ["is refused", refused],
      ["is proven not performed", notPerformed],
      ["is not heard of", unknown],
      ["happens, too", performed]
    ] as const) {
      law(`is bound to the first one once that has happened, also where the second ${what}`, () =>
        Effect.gen(function* () {
          const log = yield* ReceiptLog
          const { ada, bob } = yield* claimedAnew()
          yield* settle(ada, performed)
          assert.deepStrictEqual(yield* boundTo, bound(toAda, "done"))
          yield* settle(bob, evidence)
          assert.deepStrictEqual(yield* boundTo, bound(toAda, "done"))
          const receipts = (yield* log.byKey(key)).map(({ attempt, operator, outcome }) => [
            outcome,
            attempt,
            operator
          ])
          assert.deepStrictEqual(receipts, [
            ["in_doubt", 1, toAda.operator],
            ["released", 1, "dana"],
            ["resolved", 1, toAda.operator],
            ...(evidence === performed ? [["duplicate_observed", 2, toBob.operator]] : [])
          ])
        })
      )
    }

    law("is bound to the first one once that has happened, also where the second is in doubt by then", () =>
      Effect.gen(function* () {
        const { ada, bob } = yield* claimedAnew()
        yield* settle(bob, unknown)
        yield* settle(ada, performed)
        assert.deepStrictEqual(yield* boundTo, bound(toAda, "done"))
      })
    )

    law("stays bound to the second where that happened first, and the first is a duplicate", () =>
      Effect.gen(function* () {
        const { ada, bob } = yield* claimedAnew()
        yield* settle(bob, performed)
        yield* settle(ada, performed)
        assert.deepStrictEqual(yield* boundTo, bound(toBob, "done"))
      })
    )

    law("leaves the entity in the state of what happened, not of what was asked last", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* alive
        const place = { lane: key.entityHash, worker }
        yield* ledger.look(key, place)
        const { ada } = yield* claimedAnew(
          { basis: { version: 0, becomes: becomes("ada") } },
          { basis: { version: 0, becomes: becomes("bob") } },
          worker
        )
        yield* settle(ada, performed)
        const { state, version } = yield* ledger.look(key, place)
        assert.deepStrictEqual({ state, version }, { state: becomes("ada"), version: 1 })
      })
    )

    law("changes the entity's state also where only what was asked first does", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const worker = yield* alive
        const place = { lane: key.entityHash, worker }
        yield* ledger.look(key, place)
        const { ada } = yield* claimedAnew({ basis: { version: 0, becomes: becomes("ada") } }, {}, worker)
        yield* settle(ada, performed)
        assert.strictEqual((yield* ledger.look(key, place)).version, 1)
      })
    )

    law("is not refused because the first one was, where the second is proven not performed", () =>
      Effect.gen(function* () {
        const { ada, bob } = yield* claimedAnew()
        assert.deepStrictEqual(yield* settle(ada, refused), { _tag: "Kept" })
        yield* settle(bob, notPerformed)
        assert.deepStrictEqual(yield* stateOf(key), { state: "released", attempt: 2 })
      })
    )

    law("is not refused by the answer to the first one, although the provider replays its answers", () =>
      Effect.gen(function* () {
        const recovery = Recovery.resend({ window: "1 hour", replays: true })
        const replaying = { recovery, request: "{}" }
        const { ada, bob } = yield* claimedAnew(replaying, replaying)
        yield* settle(bob, unknown)
        assert.deepStrictEqual(yield* settle(ada, refused), { _tag: "Kept" })
        assert.deepStrictEqual(yield* boundTo, bound(toBob, "in_doubt"))
      })
    )
  })
}
