/**
 * Workers of the version before go on after the schema has been brought up to date: what they don't
 * know of is kept true for them, and what they can't read they leave alone.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, type Redacted } from "effect"
import {
  evidences,
  keyOf,
  make,
  previousDatabase,
  type PreviousWorker
} from "./fixtures/previous-version/worker.ts"
import { freshRole, onDatabase, openLedger, secret, withParts } from "./support.ts"

/** A worker that started on the schema before, and the database that has been brought up to date since. */
const upgraded = Effect.gen(function* () {
  const { url } = yield* previousDatabase
  const worker = yield* make(url)
  const settled = Effect.fnUntraced(function* (id: string, evidence: keyof typeof evidences) {
    const { token } = yield* worker.claim(keyOf(id))
    return yield* worker.settle(keyOf(id), token, evidences[evidence])
  })
  return { url, worker, settled }
})

/** A key's row as the present version sees it. */
const rowOf = (url: Redacted.Redacted<string>, id: string) =>
  onDatabase(
    url,
    (sql) => sql`
      SELECT state, attempt, generation, revision, evidence, recover_at, check_after FROM fibric.ledger
      WHERE key_hash = ${keyOf(id).hash}::bytea`
  ).pipe(Effect.map(([row]) => row))

const attemptsOf = (url: Redacted.Redacted<string>, id: string) =>
  onDatabase(
    url,
    (sql) => sql`
      SELECT attempt, generation, evidence FROM fibric.attempt
      WHERE key_hash = ${keyOf(id).hash}::bytea ORDER BY attempt`
  )

/** What the present version's worker does to a row, in a statement that raises the revision as all of its do. */
const asPresent = (url: Redacted.Redacted<string>, id: string, assignments: string) =>
  onDatabase(
    url,
    (sql) => sql`
      UPDATE fibric.ledger SET revision = revision + 1, ${sql.literal(assignments)}
      WHERE key_hash = ${keyOf(id).hash}::bytea`
  )

describe("a worker of the version before, on the schema of this one", () => {
  it.live("archives the attempt before when it takes a released key again", () =>
    Effect.gen(function* () {
      const { settled, url, worker } = yield* upgraded
      yield* settled("before", "released")
      yield* openLedger(url)
      yield* settled("after", "released")
      for (const id of ["before", "after"]) {
        const found = yield* worker.find(keyOf(id))
        assert.strictEqual(found?.state, "released")
        const { token, verdict } = yield* worker.claim(keyOf(id), 1)
        assert.deepStrictEqual(verdict, { _tag: "Claimed", attempt: 2, generation: 1 })
        assert.deepStrictEqual(yield* attemptsOf(url, id), [
          { attempt: 1, generation: 0, evidence: "not_performed" }
        ])
        assert.deepInclude(yield* rowOf(url, id), { state: "performing", attempt: 2, evidence: null })
        assert.lengthOf(yield* worker.settle(keyOf(id), token, evidences.performed), 1)
        assert.deepInclude(yield* rowOf(url, id), { state: "done", generation: 1, evidence: "performed" })
      }
      // Claimed and released at revision 1 before the upgrade; every write since has raised it.
      assert.deepInclude(yield* rowOf(url, "before"), { revision: 3 })
      assert.deepInclude(yield* rowOf(url, "after"), { revision: 4 })
    })
  )

  it.live("does so in a role that was granted nothing on what is new", () =>
    Effect.gen(function* () {
      const { name: role } = yield* freshRole
      const { settled, url } = yield* upgraded
      yield* settled("1", "released")
      yield* onDatabase(url, (sql) =>
        Effect.andThen(
          sql`GRANT USAGE ON SCHEMA fibric TO ${sql(role)}`,
          sql`GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA fibric TO ${sql(role)}`
        )
      )
      const lesser = yield* make(withParts(url, { username: role, password: secret }))
      yield* openLedger(url)
      const { token, verdict } = yield* lesser.claim(keyOf("1"), 1)
      assert.deepStrictEqual(verdict, { _tag: "Claimed", attempt: 2, generation: 1 })
      assert.lengthOf(yield* lesser.settle(keyOf("1"), token, evidences.performed), 1)
    })
  )

  it.live("keeps the provider's key of one that was released on somebody's word", () =>
    Effect.gen(function* () {
      const { settled, url, worker } = yield* upgraded
      yield* openLedger(url)
      yield* settled("1", "unknown")
      yield* asPresent(url, "1", "state = 'released', evidence = 'testimony'")
      const { verdict } = yield* worker.claim(keyOf("1"), 1)
      assert.deepStrictEqual(verdict, { _tag: "Claimed", attempt: 2, generation: 0 })
      assert.deepStrictEqual(yield* attemptsOf(url, "1"), [
        { attempt: 1, generation: 0, evidence: "testimony" }
      ])
    })
  )

  it.live("plans the recovery of a row that its reaper turns doubtful", () =>
    Effect.gen(function* () {
      const { url, worker } = yield* upgraded
      yield* openLedger(url)
      const overdue = "doubt_at = clock_timestamp()"
      for (const [id, more] of [
        ["recovers", ", recover_after_millis = 30000"],
        ["held", ", verdict_after_millis = 90000"]
      ] as const) {
        yield* worker.claim(keyOf(id))
        yield* asPresent(url, id, overdue + more)
      }
      assert.deepStrictEqual(
        (yield* worker.reap(5)).map(({ outcome }) => outcome),
        ["in_doubt", "in_doubt"]
      )
      const plans = yield* onDatabase(
        url,
        (sql) => sql`
          SELECT entity_id AS id, state,
            round(extract(epoch FROM recover_at - since))::int AS recover_seconds,
            round(extract(epoch FROM check_after - COALESCE(recover_at, claimed_at)))::int AS check_seconds
          FROM fibric.ledger ORDER BY entity_id`
      )
      assert.deepStrictEqual(plans, [
        { id: "held", state: "in_doubt", recover_seconds: null, check_seconds: 90 },
        { id: "recovers", state: "in_doubt", recover_seconds: 30, check_seconds: 0 }
      ])
    })
  )

  it.live("gives way to a call that may still run although its key is settled", () =>
    Effect.gen(function* () {
      const { settled, url, worker } = yield* upgraded
      yield* openLedger(url)
      yield* settled("1", "unknown")
      yield* asPresent(url, "1", "state = 'done', evidence = 'performed', call_open = true")
      const { verdict } = yield* worker.claim(keyOf("1", "delivered"))
      assert.deepStrictEqual(verdict, { _tag: "LaneBusy" })
    })
  )

  it.live("fails closed on a state, an outcome or a proof that it doesn't know", () =>
    Effect.gen(function* () {
      const { settled, url, worker } = yield* upgraded
      yield* openLedger(url)
      yield* settled("abandoned", "unknown")
      yield* asPresent(url, "abandoned", "state = 'abandoned'")
      yield* leftAlone(worker, "abandoned")

      const [reopened] = yield* settled("reopened", "refused")
      yield* asPresent(url, "reopened", "state = 'released', evidence = 'testimony'")
      yield* onDatabase(
        url,
        (sql) => sql`UPDATE fibric.receipt_log SET outcome = 'reopened' WHERE id = ${reopened?.id}::uuid`
      )
      yield* diesReading(worker, "reopened")

      const [released] = yield* settled("testified", "unknown")
      yield* onDatabase(
        url,
        (sql) => sql`UPDATE fibric.receipt_log SET proof = 'testimony' WHERE id = ${released?.id}::uuid`
      )
      yield* diesReading(worker, "testified")
    })
  )
})

/** The request that met it ends with a defect; the worker goes on with others. */
const diesReading = Effect.fnUntraced(function* (worker: PreviousWorker, id: string) {
  const read = yield* Effect.exit(worker.find(keyOf(id)))
  assert.isTrue(Exit.isFailure(read))
  if (Exit.isFailure(read)) assert.match(String(Cause.squash(read.cause)), /^Bug: a ledger row does not fit/)
})

/** Nor does a claim get it, whatever attempt it saw. */
const leftAlone = Effect.fnUntraced(function* (worker: PreviousWorker, id: string) {
  yield* diesReading(worker, id)
  for (const seenAttempt of [0, 1]) {
    const { verdict } = yield* worker.claim(keyOf(id), seenAttempt)
    assert.deepStrictEqual(verdict, { _tag: "Exists" })
  }
})
