/**
 * Many rows in one commit on Postgres: what shares one, and what happens to the others where one of them
 * fails, is taken, or is held by somebody.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, type Layer, Option } from "effect"
import { sha256 } from "../../src/domain/Digest.ts"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { type Claim, Ledger } from "../../src/kernel/Ledger.ts"
import { settleAll } from "../../src/postgres/settlements.ts"
import {
  alive,
  claimed,
  claimOf,
  keyOf,
  notPerformed,
  performed,
  refused,
  settle
} from "../contracts/keys.ts"
import { eventually } from "../support/asker.ts"
import { holding, layerAlone } from "./support.ts"

const story = (sentence: string, body: Effect.Effect<void, unknown, Layer.Success<typeof layerAlone>>) =>
  it.live(sentence, () => Effect.provide(body, layerAlone))

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index))

const together = <A, B, E, R>(items: ReadonlyArray<A>, each: (item: A) => Effect.Effect<B, E, R>) =>
  Effect.forEach(items, each, { concurrency: "unbounded" })

const settleWith = Effect.fnUntraced(function* (claim: Claim, stateOf: Uint8Array | null) {
  const ledger = yield* Ledger
  const receiptId = yield* Identifiers.ordered
  const { key, lane, token } = claim
  return yield* ledger.settle({
    key,
    token,
    lane,
    receiptId,
    evidence: performed,
    durationMillis: 1,
    stateOf
  })
})

describe("many rows at once", () => {
  story(
    "change the states of what was performed, and of nothing else",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const sql = yield* PgClient.PgClient
      const worker = yield* alive
      const basis = { version: 0, becomes: { shape: 0, json: `{"n":1}` } }
      const ends = [performed, refused, notPerformed]
      const versionOf = (id: string) =>
        Effect.map(ledger.look(keyOf(id), { lane: keyOf(id).entityHash, worker }), ({ version }) => version)
      const endings = yield* Effect.forEach(ends, (evidence, index) =>
        Effect.gen(function* () {
          const key = keyOf(String(index))
          yield* versionOf(String(index))
          const { lane, token } = yield* claimed(key, { worker, basis })
          const receiptId = yield* Identifiers.ordered
          const stateOf = key.entityHash
          return {
            settlement: { key, token, lane, receiptId, evidence, stateOf, durationMillis: 1 },
            next: undefined
          }
        })
      )
      const { ended } = yield* settleAll(sql, endings)
      assert.isTrue(ended.every((end) => end?.applied._tag === "Settled"))
      assert.deepStrictEqual(yield* Effect.forEach(["0", "1", "2"], versionOf), [1, 0, 0])
    })
  )

  story(
    "share their commits: those that come while one is under way are written by the next",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const sql = yield* PgClient.PgClient
      const worker = yield* alive
      const claims = yield* Effect.forEach(numbers(200), (id) => claimOf(worker, keyOf(id)))
      const verdicts = yield* together(claims, ledger.claim)
      assert.deepStrictEqual(new Set(verdicts.map(({ _tag }) => _tag)), new Set(["Claimed"]))
      const ended = yield* together(claims, (claim) => settle(claim, performed))
      assert.deepStrictEqual(new Set(ended.map(({ _tag }) => _tag)), new Set(["Settled"]))
      const [row] = yield* sql<{ claims: number; receipts: number }>`
        SELECT (SELECT count(*)::int FROM fibric.receipt_log) AS receipts,
          (SELECT count(DISTINCT transaction)::int FROM fibric.receipt_log) AS commits`
      assert.deepStrictEqual(row, { receipts: 200, commits: 2 } as never)
      const found = yield* together(claims, ({ key }) => ledger.find(key))
      assert.deepStrictEqual(
        found.map((entry) => entry?.receipt?.key),
        claims.map(({ key }) => key.label)
      )
    })
  )

  story(
    "say by the way whether a key is new that is sought soon; what is known of one is found all the same",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const worker = yield* alive
      const seek = Effect.fnUntraced(function* (id: string, sought: ReadonlyArray<string>) {
        const claim = yield* claimed(keyOf(id), { worker })
        const looks = together(sought, (id) => ledger.find(keyOf(id), "soon"))
        const looking = yield* Effect.forkChild(looks, { startImmediately: true })
        yield* settle(claim, performed)
        return (yield* Fiber.join(looking)).map((entry) => entry?.state)
      })
      assert.deepStrictEqual(yield* seek("1", ["7", "8"]), [undefined, undefined])
      assert.deepStrictEqual(yield* seek("2", ["1", "8"]), ["done", undefined])
      assert.strictEqual((yield* ledger.find(keyOf("2"), "soon"))?.state, "done")
    })
  )

  story(
    "of one entity, one is claimed and the others hear that the lane is busy",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const worker = yield* alive
      const claims = yield* Effect.forEach(numbers(20), (occasion) => claimOf(worker, keyOf("1", occasion)))
      const verdicts = yield* together(claims, ledger.claim)
      const tags = verdicts.map(({ _tag }) => _tag).sort()
      assert.deepStrictEqual(tags, ["Claimed", ...numbers(19).map(() => "LaneBusy")])
    })
  )

  story(
    "that change one state are each counted",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const worker = yield* alive
      const key = keyOf("1", "program")
      const place = { lane: key.entityHash, worker }
      assert.strictEqual((yield* ledger.look(key, place)).version, 0)
      const basis = { version: 0, becomes: { shape: 0, json: `{"n":1}` } }
      // As a program and a step of it: of one entity, in two lanes.
      const first = yield* claimed(key, { worker, basis })
      const second = yield* claimed(keyOf("1", "step"), { worker, basis, lane: sha256("beside") })
      const other = yield* claimed(keyOf("2"), { worker })
      yield* Effect.all(
        [settleWith(other, null), settleWith(first, key.entityHash), settleWith(second, key.entityHash)],
        { concurrency: "unbounded" }
      )
      const { state, version } = yield* ledger.look(key, place)
      assert.deepStrictEqual({ state, version }, { state: basis.becomes, version: 2 })
    })
  )
})

describe("claims of one batch that were decided on different versions of one state", () => {
  story(
    "are claimed only on the version that the state has",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const worker = yield* alive
      const changed = Effect.fnUntraced(function* (id: string) {
        const key = keyOf(id, "first")
        yield* ledger.look(key, { lane: key.entityHash, worker })
        const basis = { version: 0, becomes: { shape: 0, json: "1" } }
        yield* settle(yield* claimed(key, { worker, basis }), performed)
        return id
      })
      const ids = yield* Effect.forEach(numbers(16), changed)
      // In whatever order their keys are written, one of the two was decided on what is over.
      const claims = yield* Effect.forEach(
        ids.flatMap((id) => [0, 1].map((version) => ({ id, version }))),
        ({ id, version }) =>
          claimOf(worker, keyOf(id, `on ${version}`), { basis: { version, becomes: null } })
      )
      const verdicts = yield* together(claims, ledger.claim)
      const stale = verdicts.filter((_, index) => index % 2 === 0)
      assert.deepStrictEqual(
        stale.filter(({ _tag }) => _tag === "Claimed"),
        []
      )
    })
  )
})

describe("a row that can't be written with the others", () => {
  story(
    "fails alone",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const worker = yield* alive
      const good = yield* Effect.forEach(numbers(20), (id) => claimOf(worker, keyOf(id)))
      // No text of Postgres has this in it.
      const bad = yield* claimOf(worker, keyOf("bad"), { operator: "a\u0000b" })
      const ended = yield* together([...good.slice(0, 10), bad, ...good.slice(10)], (claim) =>
        Effect.exit(ledger.claim(claim))
      )
      assert.deepStrictEqual(
        ended.map(({ _tag }) => _tag),
        [...numbers(10).map(() => "Success"), "Failure", ...numbers(10).map(() => "Success")]
      )
      assert.isUndefined(yield* ledger.find(bad.key))
    })
  )

  story(
    "can't be read either: the others are found all the same",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const sql = yield* PgClient.PgClient
      const worker = yield* alive
      const keys = numbers(10).map((id) => keyOf(id))
      const claims = yield* together(keys, (key) => claimed(key, { worker }))
      yield* together(claims, (claim) => settle(claim, performed))
      // As a later version might write it.
      yield* sql`UPDATE fibric.receipt_log SET outcome = 'unheard of' WHERE key = ${keyOf("3").label}`
      const found = yield* together(keys, (key) => Effect.exit(ledger.find(key)))
      assert.deepStrictEqual(
        found.map(({ _tag }) => _tag),
        numbers(10).map((id) => (id === "3" ? "Failure" : "Success"))
      )
    })
  )

  story(
    "is held by somebody: the others don't wait for it",
    Effect.gen(function* () {
      const worker = yield* alive
      const held = yield* claimed(keyOf("held"), { worker })
      const others = yield* Effect.forEach(numbers(10), (id) => claimed(keyOf(id), { worker }))
      const { letGo } = yield* holding(
        (sql) => sql`SELECT 1 FROM fibric.ledger WHERE key_hash = ${held.key.hash} FOR UPDATE`
      )
      const waiting = yield* Effect.forkChild(settle(held, performed), { startImmediately: true })
      const ended = yield* together(others, (claim) => settle(claim, performed))
      assert.deepStrictEqual(new Set(ended.map(({ _tag }) => _tag)), new Set(["Settled"]))
      assert.isUndefined(waiting.pollUnsafe())
      yield* letGo
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "Settled")
    })
  )
})

describe("a heartbeat", () => {
  story(
    "does not wait behind settlements that all wait for what somebody holds",
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const sql = yield* PgClient.PgClient
      const worker = yield* alive
      const claims = yield* Effect.forEach(numbers(20), (id) => claimed(keyOf(id), { worker }))
      const { letGo } = yield* holding((sql) => sql`LOCK TABLE fibric.ledger IN SHARE MODE`)
      const waiting = yield* Effect.forEach(claims, (claim) =>
        Effect.forkChild(settle(claim, performed), { startImmediately: true })
      )
      const blocked = sql`
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'fibric' AND wait_event_type = 'Lock'`
      yield* eventually(Effect.map(blocked, ({ length }) => (length >= 6 ? true : undefined)))
      const beat = yield* Effect.timeoutOption(ledger.beat(worker, 60_000), "3 seconds")
      yield* letGo
      assert.deepStrictEqual(beat, Option.some(true))
      yield* Effect.forEach(waiting, Fiber.join)
    })
  )
})
