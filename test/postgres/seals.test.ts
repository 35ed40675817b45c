/**
 * Seals: what was sealed can't be changed, taken away or moved without being found.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Head } from "../../src/domain/Seal.ts"
import { Ledger } from "../../src/kernel/Ledger.ts"
import { ReceiptLog } from "../../src/kernel/ReceiptLog.ts"
import { Retention } from "../../src/kernel/Retention.ts"
import { Seals } from "../../src/kernel/Seals.ts"
import { keyOf, recordAll, repeatOf } from "../contracts/keys.ts"
import { layerLedger } from "../contracts/postgres.ts"
import { readable } from "../support/readable.ts"
import { done, repeated } from "../support/receipts.ts"
import { fault } from "../support/fault.ts"

type Services = Ledger | ReceiptLog | Seals | Retention | PgClient.PgClient

const law = (sentence: string, body: () => Effect.Effect<void, unknown, Services>) =>
  it.live(sentence, () => Effect.provide(body(), layerLedger))

/** Seals whatever has been committed, up to so many receipts a seal. */
const sealNow = Effect.fnUntraced(function* (most = 1_000) {
  const seals = yield* Seals
  const made = []
  for (let next = yield* seals.sealNext(0, most); next !== undefined; next = yield* seals.sealNext(0, most)) {
    made.push(next)
  }
  return made
})

/** The same, once nothing older is open. */
const sealAll = () => Effect.andThen(readable, sealNow())

/** Three seals, of two receipts each. */
const sealed = Effect.gen(function* () {
  for (const id of ["1", "2", "3"]) {
    yield* done(keyOf(id))
    yield* repeated(keyOf(id), "deduplicated", 1)
    assert.deepInclude((yield* sealAll())[0], { rows: 2, receipts: 2 })
  }
})

const findings = (head?: Head) =>
  Effect.map(
    Effect.flatMap(Seals, (seals) => seals.verify(head)),
    ({ findings }) =>
      findings.map((finding) => [finding._tag, "number" in finding ? finding.number : undefined])
  )

/** What somebody with every right does to the tables. */
const tamper = (change: (sql: PgClient.PgClient) => Effect.Effect<unknown, unknown>) =>
  Effect.flatMap(PgClient.PgClient, change)

describe("a ledger that nobody touched", () => {
  law("verifies, and says how much is sealed and how much is not yet", () =>
    Effect.gen(function* () {
      yield* sealed
      yield* done(keyOf("4"))
      const { head, ...verification } = yield* (yield* Seals).verify()
      assert.deepStrictEqual(verification, {
        seals: 3,
        rows: 6,
        receipts: 6,
        unsealed: 1,
        tail: "unchecked",
        findings: []
      })
      assert.deepStrictEqual(head, yield* (yield* Seals).head)
      assert.strictEqual(head.number, 3)
    })
  )

  law("verifies against each head that was exported, of an empty chain too", () =>
    Effect.gen(function* () {
      const seals = yield* Seals
      const empty = yield* seals.head
      yield* sealed
      const early = yield* seals.head
      yield* done(keyOf("4"))
      yield* sealAll()
      for (const head of [empty, early, yield* seals.head]) {
        const { findings, tail } = yield* seals.verify(head)
        assert.deepStrictEqual({ findings, tail }, { findings: [], tail: "checked" })
      }
    })
  )

  law("verifies after its bodies were purged, and shows which were", () =>
    Effect.gen(function* () {
      yield* sealed
      yield* done(keyOf("4"))
      yield* readable
      const purged = yield* (yield* Retention).purge(0)
      assert.strictEqual(purged.bodies, 4)
      yield* sealAll()
      assert.deepStrictEqual(yield* findings(), [])
      const sql = yield* PgClient.PgClient
      assert.deepStrictEqual(yield* sql`SELECT count(*)::int AS purged FROM fibric.receipts WHERE purged`, [
        { purged: 4 }
      ])
    })
  )
})

describe("what somebody did to the receipts is found", () => {
  const tampered = (
    sentence: string,
    change: (sql: PgClient.PgClient) => Effect.Effect<unknown, unknown>,
    expected: ReadonlyArray<readonly [string, number | undefined]>
  ) =>
    law(sentence, () =>
      Effect.gen(function* () {
        yield* sealed
        yield* tamper(change)
        assert.deepStrictEqual(
          yield* findings(),
          expected.map((one) => [...one])
        )
      })
    )

  const second = (sql: PgClient.PgClient) => sql`key = ${keyOf("2").label} AND outcome = 'performed'`

  tampered(
    "a flipped byte of a body",
    (sql) => sql`UPDATE fibric.receipt_log SET body = replace(body, 'm', 'n') WHERE ${second(sql)}`,
    [["receipts_changed", 2]]
  )

  for (const [column, value] of [
    ["outcome", "'refused'"],
    ["operator", "operator || '.'"],
    ["count", "count + 1"],
    ["at", "at + interval '1 microsecond'"],
    ["refers_to", "id"],
    ["reason", "''"],
    ["body_digest", "sha256('')"],
    ["check_after", "at"],
    ["durability", "'fsync=off'"],
    ["first_at", "at"]
  ] as const) {
    const isHidden = column === "body_digest"
    tampered(
      isHidden ? "a body that was exchanged for the digest of another" : `another ${column}`,
      (sql) => sql`
        UPDATE fibric.receipt_log SET ${sql.literal(`${column} = ${value}`)}
          ${sql.literal(isHidden ? ", body = NULL" : "")}
        WHERE ${second(sql)}`,
      [["receipts_changed", 2]]
    )
  }

  tampered("a deleted receipt", (sql) => sql`DELETE FROM fibric.receipt_log WHERE ${second(sql)}`, [
    ["receipts_missing", 2]
  ])

  tampered(
    "two receipts that exchanged their places",
    (sql) => sql`
      UPDATE fibric.receipt_log AS one SET transaction = other.transaction
      FROM fibric.receipt_log AS other
      WHERE one.key = ${keyOf("2").label} AND other.key = one.key AND other.outcome <> one.outcome`,
    [["receipts_changed", 2]]
  )

  tampered(
    "a receipt that was moved to another range",
    (sql) => sql`
      UPDATE fibric.receipt_log SET transaction = (SELECT up_to FROM fibric.seal WHERE number = 3)
      WHERE ${second(sql)}`,
    [
      ["receipts_missing", 2],
      ["receipts_added", 3]
    ]
  )

  tampered(
    "a receipt that was made up afterwards",
    (sql) => sql`
      INSERT INTO fibric.receipt_log (id, transaction, outcome, operator, capability, key_hash, key, entity_type,
        entity_id, attempt, count)
      SELECT gen_random_uuid(), (SELECT up_to FROM fibric.seal WHERE number = 1), outcome, operator, capability,
        key_hash, key, entity_type, entity_id, attempt, count
      FROM fibric.receipt_log WHERE ${second(sql)}`,
    [["receipts_added", 1]]
  )

  tampered("a seal that was taken out", (sql) => sql`DELETE FROM fibric.seal WHERE number = 2`, [
    ["seal_missing", 2]
  ])

  tampered(
    "a seal with another hash",
    (sql) => sql`UPDATE fibric.seal SET hash = sha256(hash) WHERE number = 2`,
    [
      ["receipts_changed", 2],
      ["receipts_changed", 3]
    ]
  )

  tampered(
    "a seal that says that it stands for more requests",
    (sql) => sql`UPDATE fibric.seal SET receipts = receipts + 1 WHERE number = 2`,
    [["receipts_changed", 2]]
  )

  tampered("a last seal that was taken away", (sql) => sql`DELETE FROM fibric.seal WHERE number = 3`, [
    ["end_differs", undefined]
  ])
})

/** Takes the last seal away with all that it sealed, and mends what the ledger notes of it. */
const truncated = (sql: PgClient.PgClient) =>
  Effect.andThen(
    sql`
      DELETE FROM fibric.receipt_log WHERE transaction > (SELECT up_to FROM fibric.seal WHERE number = 2)`,
    sql`
      WITH last AS (DELETE FROM fibric.seal WHERE number = 3)
      UPDATE fibric.sealing SET (number, up_to, hash) = (SELECT number, up_to, hash FROM fibric.seal WHERE number = 2)`
  )

describe("a tail that was cut off, seal and all", () => {
  law("is found against an exported head, and only there: without one nobody can tell, which is said", () =>
    Effect.gen(function* () {
      yield* sealed
      const head = yield* (yield* Seals).head
      yield* tamper(truncated)
      assert.deepInclude(yield* (yield* Seals).verify(), { findings: [], tail: "unchecked" })
      assert.deepStrictEqual(yield* findings(head), [["tail_missing", 3]])
    })
  )

  law("is found once it has grown again, for its seals are others", () =>
    Effect.gen(function* () {
      yield* sealed
      const head = yield* (yield* Seals).head
      yield* tamper(truncated)
      yield* done(keyOf("5"))
      yield* sealAll()
      yield* done(keyOf("6"))
      yield* sealAll()
      assert.deepStrictEqual(yield* findings(), [])
      assert.deepStrictEqual(yield* findings(head), [["rewritten", 3]])
    })
  )

  law("another ledger's head is told from a changed one", () =>
    Effect.gen(function* () {
      yield* sealed
      const head = yield* (yield* Seals).head
      assert.deepStrictEqual(yield* findings({ ...head, chain: "00000000-0000-0000-0000-000000000000" }), [
        ["other_chain", undefined]
      ])
    })
  )
})

describe("sealing", () => {
  law("folds alike repeats of a range into one row, whose counts sum up to what was asked", () =>
    Effect.gen(function* () {
      const key = yield* done(keyOf("1"))
      yield* repeated(key, "deduplicated", 20)
      yield* repeated(key, "conflict", 3)
      const log = yield* ReceiptLog
      const before = yield* log.totals(key)
      assert.deepStrictEqual(before, { performed: 1, deduplicated: 20, conflict: 3 })
      assert.deepStrictEqual(yield* sealAll(), [{ number: 1, rows: 3, receipts: 24, folded: 21 }])
      assert.deepStrictEqual(yield* log.totals(key), before)
      const sql = yield* PgClient.PgClient
      assert.deepStrictEqual(
        yield* sql`
          SELECT outcome, count, folded, first_at < at AS lasted FROM fibric.receipts ORDER BY folded`,
        [
          { outcome: "performed", count: 1, folded: 1, lasted: null },
          { outcome: "conflict", count: 3, folded: 3, lasted: true },
          { outcome: "deduplicated", count: 20, folded: 20, lasted: true }
        ]
      )
      assert.deepStrictEqual(yield* findings(), [])
    })
  )

  law("folds only what is alike: the same key, outcome, operator and reason", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* done(keyOf("1")), yield* done(keyOf("2"))]
      const different = [
        yield* repeatOf(one, "deduplicated", 2),
        { ...(yield* repeatOf(one, "deduplicated", 3)), operator: "dana" },
        { ...(yield* repeatOf(one, "deduplicated", 4)), reason: "reworded" },
        yield* repeatOf(one, "joined", 5),
        yield* repeatOf(two, "deduplicated", 6)
      ]
      for (const repeat of different) yield* recordAll([repeat])
      assert.deepInclude((yield* sealAll())[0], { rows: 7, receipts: 22, folded: 0 })
    })
  )

  law("a batch that comes again after it was folded adds nothing", () =>
    Effect.gen(function* () {
      const key = yield* done(keyOf("1"))
      yield* repeated(key, "deduplicated", 2)
      const { batch } = yield* recordAll([yield* repeatOf(key, "deduplicated", 1)])
      yield* sealAll()
      const again = yield* (yield* Ledger).record(batch)
      assert.strictEqual(again._tag, "Recorded")
      assert.deepStrictEqual(yield* (yield* ReceiptLog).totals(key), { performed: 1, deduplicated: 3 })
    })
  )

  law(
    `${fault("transaction long open")} reads only below a transaction that is still open, and what commits late is sealed later`,
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* done(keyOf("1"))
        yield* readable
        yield* sql.withTransaction(
          Effect.gen(function* () {
            // From here on it has an id, which is older than those of the receipts that come now.
            yield* sql`SELECT pg_current_xact_id()::text AS id`
            yield* done(keyOf("2"))
            assert.deepStrictEqual(
              (yield* sealNow()).map(({ rows }) => rows),
              [1]
            )
          })
        )
        assert.deepStrictEqual(
          (yield* sealAll()).map(({ rows }) => rows),
          [1]
        )
        assert.deepStrictEqual(yield* findings(), [])
      })
  )

  law("leaves what is too young, and a range that is not yet wide enough", () =>
    Effect.gen(function* () {
      const seals = yield* Seals
      const sql = yield* PgClient.PgClient
      yield* done(keyOf("1"))
      yield* done(keyOf("2"))
      const minute = 60_000
      assert.isUndefined(yield* seals.sealNext(minute, 100))
      yield* sql`
        UPDATE fibric.receipt_log SET at = at - interval '90 seconds' WHERE key = ${keyOf("1").label}`
      assert.isUndefined(yield* seals.sealNext(minute, 100))
      yield* sql`
        UPDATE fibric.receipt_log SET at = at - interval '31 seconds' WHERE key = ${keyOf("1").label}`
      yield* readable
      assert.deepInclude(yield* seals.sealNext(minute, 100), { rows: 1 })
      assert.isUndefined(yield* seals.sealNext(minute, 100))
    })
  )

  law("is done by one at a time: who comes meanwhile finds nothing to do", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* done(keyOf("1"))
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT 1 FROM fibric.sealing FOR UPDATE`
          assert.deepStrictEqual(yield* sealNow(), [])
        })
      )
      assert.lengthOf(yield* sealAll(), 1)
    })
  )
})
