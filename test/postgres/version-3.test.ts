/**
 * A worker of schema version 3 beside this one: it knows nothing of states, lines and doubts that are
 * passed, and what it claims anew must not carry what this version had bound to the key.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Identifiers from "../../src/domain/Identifiers.ts"
import { type Claim, Ledger } from "../../src/kernel/Ledger.ts"
import * as LedgerClient from "../../src/postgres/LedgerClient.ts"
import * as PgLedger from "../../src/postgres/PgLedger.ts"
import {
  alive,
  claimed,
  claimOf,
  keyOf,
  notPerformed,
  performed,
  settle,
  unknown
} from "../contracts/keys.ts"
import { ledgerDatabase } from "../support/database.ts"

const layer = Layer.unwrap(
  Effect.map(ledgerDatabase, ({ url }) =>
    PgLedger.layer.pipe(
      Layer.provideMerge(LedgerClient.layer),
      Layer.provideMerge(PgClient.layer({ url, maxConnections: 2 }))
    )
  )
)

const basis = { version: 0, becomes: { shape: 0, json: `{"shipped":true}` } } as const

/** What version 3 sets when it takes a key again, a resend's and a released one's alike. */
const takenByVersion3 = Effect.fnUntraced(function* ({ key, worker }: Claim) {
  const sql = yield* PgClient.PgClient
  const token = yield* Identifiers.token
  yield* sql`
    UPDATE fibric.ledger SET
      state = 'performing', since = clock_timestamp(), claimed_at = clock_timestamp(), revision = revision + 1,
      attempt = attempt + 1, token = ${token}::uuid, worker = ${worker}::uuid,
      doubt_at = clock_timestamp() + interval '1 minute', evidence = NULL, refusal = NULL, effect_id = NULL,
      call_open = false, recover_at = NULL, recoveries = 0, check_after = NULL
    WHERE key_hash = ${key.hash}::bytea`
  return token
})

const law = (sentence: string, body: () => Effect.Effect<void, unknown, Ledger | PgClient.PgClient>) =>
  it.live(sentence, () => Effect.provide(body(), layer))

describe("a worker of schema version 3", () => {
  law("that takes a released key again changes no state with what was bound to it before", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const worker = yield* alive
      const key = keyOf("1")
      const place = { lane: key.entityHash, worker }
      yield* ledger.look(key, place)
      const claim = yield* claimed(key, { worker, basis })
      yield* settle(claim, notPerformed)
      const token = yield* takenByVersion3(claim)
      yield* settle({ ...claim, token }, performed)
      const view = yield* ledger.look(key, place)
      assert.deepStrictEqual(view, { version: 0, state: null, lane: { _tag: "LaneFree" } })
    })
  )

  law("that sends a key again which had passed a doubt is told that the lane is busy", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const worker = yield* alive
      const doubt = yield* claimed(keyOf("1", "unlock"), { worker })
      yield* settle(doubt, unknown)
      const passing = yield* claimOf(worker, keyOf("1", "lock"), { passesDoubt: true })
      assert.strictEqual((yield* ledger.claim(passing))._tag, "Claimed")
      yield* settle(passing, unknown)
      const refused = yield* Effect.flip(takenByVersion3(passing))
      assert.deepInclude(refused.reason, { _tag: "UniqueViolation", constraint: "ledger_lane_held" })
    })
  )
})
