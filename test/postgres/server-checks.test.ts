/**
 * What a server must be for fibric to start on it: one that keeps what is committed, that takes writes,
 * and that is still the one that the ledger was written on.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, type Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient } from "effect/sql"
import { execute, Settings, StartRefused } from "fibric"
import * as FibricPostgres from "fibric/postgres"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as EmbeddedPostgres from "../../src/host/EmbeddedPostgres.ts"
import { checkDurability } from "../../src/postgres/ServerChecks.ts"
import { acknowledge } from "../../src/postgres/ServerIdentity.ts"
import { cluster, scratchFolder, settings } from "../host/fixtures/clusters.ts"
import { freshDatabase } from "../support/database.ts"
import { makeWorld, notify, over } from "../support/orders.ts"
import { freshRole, onDatabase, openLedger, place, secret, withParts } from "./support.ts"

/** Its own servers take a second or two each to make. */
const bound = 60_000

const refusal = (url: Redacted.Redacted<string>) => Effect.flip(Effect.scoped(openLedger(url)))

const start = (url: Redacted.Redacted<string>) => Effect.scoped(openLedger(url))

/** The durability that the receipts of one request and its repeat name. */
const durabilities = (url: Redacted.Redacted<string>) =>
  onDatabase(url, (sql) => sql`SELECT outcome, durability FROM fibric.receipts ORDER BY at`)

const performAndRepeat = Effect.fnUntraced(function* (client: PgClient.PgPoolConfig) {
  const { layer } = makeWorld()
  const runtime = FibricPostgres.layer.pipe(Layer.provideMerge(PgClient.layer(client)))
  yield* Effect.provide(
    Effect.andThen(execute(notify("4471")), execute(notify("4471"))),
    over(layer, runtime)
  )
})

/** The warnings that a program logs. */
const warnings = Effect.fnUntraced(function* <A, E, R>(program: Effect.Effect<A, E, R>) {
  const said: Array<string> = []
  const listening = Logger.layer([
    Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") said.push(String(message))
    })
  ])
  yield* Effect.provide(program, listening)
  return said
})

describe("a server that may forget what was committed", () => {
  it.live(
    "is refused, one risk after the other, until each is accepted by name; then every receipt names them",
    () =>
      Effect.gen(function* () {
        const { url } = yield* EmbeddedPostgres.make({
          settings: { ...settings, fsync: "off", full_page_writes: "off" }
        })
        assert.deepStrictEqual(
          yield* refusal(url),
          new StartRefused({
            problem: "fsync_off",
            sentence: `Postgres at ${place(url)} runs with fsync=off: a crash of its machine can lose or tear what was committed, and a key whose claim is lost is performed again. Nothing was performed; set fsync = on in its configuration, or accept it by name with acceptedRisks: ["fsync=off"] in the settings, and every receipt says so.`
          })
        )
        const untouched = yield* onDatabase(url, (sql) => sql`SELECT to_regnamespace('fibric') AS schema`)
        assert.deepStrictEqual(untouched, [{ schema: null }])

        const one = yield* refusal(url).pipe(Effect.provide(Settings.layer({ acceptedRisks: ["fsync=off"] })))
        assert.strictEqual(one.problem, "full_page_writes_off")

        const said = yield* warnings(
          performAndRepeat({ url }).pipe(
            Effect.provide(Settings.layer({ acceptedRisks: ["full_page_writes=off", "fsync=off"] }))
          )
        )
        assert.deepStrictEqual(yield* durabilities(url), [
          { outcome: "performed", durability: "fsync=off, full_page_writes=off" },
          { outcome: "deduplicated", durability: "fsync=off, full_page_writes=off" }
        ])
        assert.deepStrictEqual(said, [
          `Postgres at ${place(url)} runs with fsync=off, which the settings accept: a crash of its machine can lose or tear what was committed. Every receipt names it.`,
          `Postgres at ${place(url)} runs with full_page_writes=off, which the settings accept: a crash of its machine can tear pages that hold committed rows. Every receipt names it.`
        ])
      }),
    bound
  )

  it.live(
    "is what the receipts name where the app's client does not wait for the disk, and that is accepted",
    () =>
      Effect.gen(function* () {
        const { url } = yield* freshDatabase
        const client = { url, startupParameters: { synchronous_commit: "off" } }
        yield* performAndRepeat(client).pipe(
          Effect.provide(Settings.layer({ acceptedRisks: ["synchronous_commit=off"] }))
        )
        assert.deepStrictEqual(yield* durabilities(url), [
          { outcome: "performed", durability: "synchronous_commit=off" },
          { outcome: "deduplicated", durability: "synchronous_commit=off" }
        ])
      })
  )

  it.live("is not made of one that is accepted and not there: no receipt names it", () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      yield* performAndRepeat({ url }).pipe(
        Effect.provide(Settings.layer({ acceptedRisks: ["fsync=off", "synchronous_commit=off"] }))
      )
      assert.deepStrictEqual(
        (yield* durabilities(url)).map(({ durability }) => durability),
        [null, null]
      )
    })
  )

  for (const [value, problem] of [
    ["on", undefined],
    ["local", undefined],
    ["remote_write", undefined],
    ["remote_apply", undefined],
    ["off", "synchronous_commit_off"]
  ] as const) {
    it.live(
      `is ${problem === undefined ? "not " : ""}one whose commits wait as synchronous_commit=${value} has them`,
      () =>
        Effect.gen(function* () {
          const { url } = yield* freshDatabase
          const sql = yield* PgClient.makeClient({
            url,
            startupParameters: { synchronous_commit: value }
          }).pipe(Effect.provide(Reactivity.layer))
          const found = yield* Effect.result(checkDurability("here", [])).pipe(
            Effect.provideService(SqlClient.SqlClient, sql)
          )
          assert.strictEqual(found._tag === "Failure" ? found.failure.problem : undefined, problem)
        })
    )
  }
})

const recorded = (url: Redacted.Redacted<string>) =>
  onDatabase(url, (sql) => sql`SELECT system_identifier, timeline FROM fibric.ledger_info`).pipe(
    Effect.map(([row]) => row)
  )

const acknowledged = (url: Redacted.Redacted<string>) =>
  onDatabase(url, (sql) => acknowledge(sql, { operator: "dana", reason: "compared with the shop's orders" }))

describe("a server that is not the one that the ledger was written on", () => {
  it.live(
    "is refused while it recovers; after its promotion, until that is acknowledged by name",
    () =>
      Effect.gen(function* () {
        const directory = yield* scratchFolder
        const written = yield* Effect.scoped(
          Effect.gen(function* () {
            const { url } = yield* cluster(directory)
            yield* start(url)
            return yield* recorded(url)
          })
        )
        assert.deepInclude(written, { timeline: "00000001" })

        yield* Effect.promise(() => writeFile(join(directory, "data", "standby.signal"), ""))
        const { url } = yield* cluster(directory)
        assert.deepStrictEqual(
          yield* refusal(url),
          new StartRefused({
            problem: "in_recovery",
            sentence: `Postgres at ${place(url)} is in recovery: a standby, or a backup that is being restored, takes no claims. Nothing was performed; point fibric at the primary, or wait for the end of the recovery.`
          })
        )

        yield* onDatabase(url, (sql) => sql`SELECT pg_promote()`)
        assert.deepStrictEqual(
          yield* refusal(url),
          new StartRefused({
            problem: "timeline_changed",
            sentence: `Postgres at ${place(url)} is on another timeline than this ledger was written on (00000002, recorded 00000001): there was a failover or a backup was restored, and what was committed last may be missing, so that a key could be performed again. Nothing was performed; find out what is missing, then say so by name: fibric ledger acknowledge --by <name> --reason <why>.`
          })
        )
        const { before, now } = yield* acknowledged(url)
        assert.deepStrictEqual(
          [before.timeline, now.timeline, now.system],
          ["00000001", "00000002", before.system]
        )
        yield* start(url)
        yield* start(url)
      }),
    bound
  )

  it.live("is refused where the rows came from another cluster, and takes no worker in", () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      yield* start(url)
      const written = yield* recorded(url)
      yield* onDatabase(url, (sql) => sql`UPDATE fibric.ledger_info SET system_identifier = '4711'`)
      const error = yield* refusal(url)
      assert.strictEqual(error.problem, "system_changed")
      assert.include(
        error.message,
        `(system identifier ${String(written?.["system_identifier"])}, recorded 4711)`
      )
      assert.include(error.message, "fibric ledger acknowledge --by <name> --reason <why>")

      const said = yield* warnings(acknowledged(url))
      assert.lengthOf(said, 1)
      assert.deepStrictEqual(
        yield* onDatabase(
          url,
          (sql) => sql`SELECT operator, reason, before_system, system FROM fibric.acknowledgement`
        ),
        [
          {
            operator: "dana",
            reason: "compared with the shop's orders",
            before_system: "4711",
            system: written?.["system_identifier"]
          }
        ]
      )
      assert.deepStrictEqual(yield* recorded(url), written)
      yield* start(url)
    })
  )

  it.live("is not looked for, with a warning, where the role may not ask", () =>
    Effect.gen(function* () {
      const { name: role } = yield* freshRole
      const { url } = yield* freshDatabase
      yield* start(url)
      yield* onDatabase(url, (sql) =>
        Effect.all([
          sql`UPDATE fibric.ledger_info SET system_identifier = '4711'`,
          sql`REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC`,
          sql`GRANT USAGE ON SCHEMA fibric TO ${sql(role)}`,
          sql`GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA fibric TO ${sql(role)}`,
          sql`GRANT DELETE ON fibric.ticket, fibric.waiting, fibric.proposal, fibric.outbox_lane TO ${sql(role)}`
        ])
      )
      const said = yield* warnings(start(withParts(url, { username: role, password: secret })))
      assert.deepStrictEqual(said, [
        `Postgres at ${place(url)} does not say which server it is (permission denied for function pg_control_system): a failover or a restored backup will not be noticed at start.`
      ])
    })
  )
})

describe("which server the ledger is written on", () => {
  it.live("is written down by the first start, and by no role that may not: it warns", () =>
    Effect.gen(function* () {
      const { name: role } = yield* freshRole
      const { url } = yield* freshDatabase
      yield* start(url)
      const written = yield* recorded(url)
      yield* onDatabase(url, (sql) =>
        Effect.all([
          sql`UPDATE fibric.ledger_info SET system_identifier = NULL, timeline = NULL`,
          sql`GRANT USAGE ON SCHEMA fibric TO ${sql(role)}`,
          sql`GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA fibric TO ${sql(role)}`,
          sql`GRANT DELETE ON fibric.ticket, fibric.waiting, fibric.proposal, fibric.outbox_lane TO ${sql(role)}`,
          sql`REVOKE UPDATE ON fibric.ledger_info FROM ${sql(role)}`
        ])
      )
      const said = yield* warnings(start(withParts(url, { username: role, password: secret })))
      assert.lengthOf(said, 1)
      assert.include(said[0], "permission denied for table ledger_info")
      assert.deepStrictEqual(yield* recorded(url), { system_identifier: null, timeline: null })
      yield* start(url)
      assert.deepStrictEqual(yield* recorded(url), written)
    })
  )
})

describe("a server whose transactions are numbered below those of the receipts", () => {
  it.live("is refused: what it writes would stand among what is sealed", () =>
    Effect.gen(function* () {
      const { url } = yield* freshDatabase
      yield* start(url)
      yield* onDatabase(
        url,
        (sql) => sql`
          INSERT INTO fibric.receipt_log (id, transaction, outcome, operator, capability, key_hash, key, entity_type,
            entity_id, attempt, count)
          VALUES (gen_random_uuid(), '900000000000', 'joined', 'agent', 'notify', sha256('k'), 'notify:order-1:shipped',
            'order', '1', 1, 1)`
      )
      const refused = yield* refusal(url)
      assert.strictEqual(refused.problem, "transactions_behind")
      assert.include(refused.sentence, "receipts in it were written by transactions up to 900000000000")
      assert.include(refused.sentence, "Nothing was performed; stop that server")
    })
  )
})

describe("a role that lacks a right on what is new", () => {
  it.live("is refused at start, and not when an outcome has to be recorded", () =>
    Effect.gen(function* () {
      const { name: role } = yield* freshRole
      const { url } = yield* freshDatabase
      yield* start(url)
      yield* onDatabase(url, (sql) =>
        Effect.all([
          sql`GRANT USAGE ON SCHEMA fibric TO ${sql(role)}`,
          sql`GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA fibric TO ${sql(role)}`,
          sql`GRANT DELETE ON fibric.ticket, fibric.waiting, fibric.proposal, fibric.outbox_lane TO ${sql(role)}`,
          sql`REVOKE INSERT, UPDATE ON fibric.attempt FROM ${sql(role)}`
        ])
      )
      assert.deepStrictEqual(
        yield* refusal(withParts(url, { username: role, password: secret })),
        new StartRefused({
          problem: "not_permitted",
          sentence: `Postgres at ${place(url)} does not let this role do what the ledger needs. Nothing was performed; grant it INSERT on fibric.attempt, UPDATE on fibric.attempt.`
        })
      )
    })
  )
})
